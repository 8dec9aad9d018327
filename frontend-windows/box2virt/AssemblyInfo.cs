// SPDX-License-Identifier: MIT
// AssemblyInfo.cs - what the library is called, and who may look inside.
using System.Reflection;
using System.Runtime.CompilerServices;

[assembly: AssemblyTitle("Box2Virt")]
[assembly: AssemblyProduct("2Virt")]
[assembly: AssemblyVersion("1.0.0.0")]
[assembly: InternalsVisibleTo("box2virt-tests")]
