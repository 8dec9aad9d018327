// SPDX-License-Identifier: MIT
// Program.cs - where box2virt begins.
using System;

namespace Box2Virt.Shell
{
    internal static class Program
    {
        [STAThread]
        private static int Main(string[] arguments) =>
            new Commands(Console.Out, Console.Error).Run(arguments);
    }
}
