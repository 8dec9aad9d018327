// SPDX-License-Identifier: MIT
// IPlatform.cs - the border between this library and an operating system.
using System.Collections.Generic;
using System.IO;

namespace Box2Virt
{
    /// <summary>How functions are found and pipes are opened on one operating system.</summary>
    public interface IPlatform
    {
        /// <summary>
        /// What is plugged in now.  Throws IOException when that cannot be told, with a message
        /// that says what to do.
        /// </summary>
        IList<Function> Scan();

        /// <summary>
        /// Opens a pipe: a stream that belongs to the caller.  Waits while all pipes are in use.
        /// Throws IOException when the function is gone.
        /// </summary>
        Stream Open(Function function);
    }
}
