// SPDX-License-Identifier: MIT
// Function.cs - one function of a 2Virt device, as a value that does not change.
using System;

namespace Box2Virt
{
    /// <summary>What a function is and where it is found.</summary>
    public sealed class Function : IEquatable<Function>
    {
        /// <param name="type">"web", "p2p", "libvirt" or "char"</param>
        /// <param name="path">What the platform opens a pipe by; "" if it cannot be opened now.</param>
        public Function(string type, string name, string state, string location, string path,
                        long pipes, long pipesUsed)
        {
            Type = type ?? throw new ArgumentNullException(nameof(type));
            Name = name ?? throw new ArgumentNullException(nameof(name));
            State = state ?? "";
            Location = location ?? "";
            Path = path ?? "";
            Pipes = pipes;
            PipesUsed = pipesUsed;
        }

        public string Type { get; }
        public string Name { get; }

        /// <summary>"ready" when connections are welcome.</summary>
        public string State { get; }

        public string Location { get; }
        public string Path { get; }
        public long Pipes { get; }
        public long PipesUsed { get; }

        public bool IsReady => State == "ready" && Path.Length > 0;

        /// <summary>"web:default": what it is called for people, and in Find().</summary>
        public string Id => Type + ":" + Name;

        /// <summary>The same function, plugged once: use of its pipes does not count.</summary>
        public bool Equals(Function other)
        {
            return other != null && Id == other.Id && State == other.State &&
                   Location == other.Location && Path == other.Path;
        }

        public override bool Equals(object other) => Equals(other as Function);

        public override int GetHashCode() => (Id + Location + State).GetHashCode();

        public override string ToString() => Id + " (" + State + ")";
    }
}
