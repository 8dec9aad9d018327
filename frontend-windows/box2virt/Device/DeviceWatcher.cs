// SPDX-License-Identifier: MIT
// DeviceWatcher.cs - follows plug and unplug.
using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;

namespace Box2Virt
{
    public sealed class FunctionEventArgs : EventArgs
    {
        public FunctionEventArgs(Function function)
        {
            Function = function;
        }

        public Function Function { get; }
    }

    public sealed class TroubleEventArgs : EventArgs
    {
        public TroubleEventArgs(string text)
        {
            Text = text;
        }

        public string Text { get; }
    }

    /// <summary>
    /// Looks at a platform again and again and says what has changed since.  Events come from a
    /// thread of its own, one at a time, in the order of the changes.
    /// </summary>
    public sealed class DeviceWatcher : IDisposable
    {
        public static readonly TimeSpan DefaultInterval = TimeSpan.FromMilliseconds(200);

        private readonly IPlatform platform;
        private readonly TimeSpan interval;
        private readonly ManualResetEvent ending = new ManualResetEvent(false);
        private readonly Thread thread;
        private readonly object guard = new object();
        private List<Function> known = new List<Function>();
        private string trouble;

        public DeviceWatcher(IPlatform platform) : this(platform, DefaultInterval)
        {
        }

        public DeviceWatcher(IPlatform platform, TimeSpan interval)
        {
            this.platform = platform;
            this.interval = interval;
            thread = new Thread(Run) { IsBackground = true, Name = "2Virt plug and unplug" };
        }

        /// <summary>A function is there and ready.</summary>
        public event EventHandler<FunctionEventArgs> Plugged;

        /// <summary>A function that was ready is gone.</summary>
        public event EventHandler<FunctionEventArgs> Unplugged;

        /// <summary>The platform cannot be asked any more, said once for each reason.</summary>
        public event EventHandler<TroubleEventArgs> Trouble;

        /// <summary>Begins; add handlers before.</summary>
        public void Start() => thread.Start();

        /// <summary>What is ready now, as last seen.</summary>
        public IList<Function> Functions
        {
            get {
                lock (guard)
                    return new List<Function>(known);
            }
        }

        public void Dispose()
        {
            ending.Set();
            if (thread.IsAlive && thread != Thread.CurrentThread)
                thread.Join();
        }

        private void Run()
        {
            do
                Look();
            while (!ending.WaitOne(interval));
        }

        private void Look()
        {
            var now = new List<Function>();
            string problem = null;

            try {
                foreach (Function function in platform.Scan())
                    if (function.IsReady)
                        now.Add(function);
            } catch (IOException e) {
                problem = e.Message;
            }
            Compare(now);
            if (problem != null && problem != trouble)
                Trouble?.Invoke(this, new TroubleEventArgs(problem));
            trouble = problem;
        }

        private void Compare(List<Function> now)
        {
            List<Function> before;

            lock (guard) {
                before = known;
                known = now;
            }
            foreach (Function function in before)
                if (!now.Contains(function))
                    Unplugged?.Invoke(this, new FunctionEventArgs(function));
            foreach (Function function in now)
                if (!before.Contains(function))
                    Plugged?.Invoke(this, new FunctionEventArgs(function));
        }
    }
}
