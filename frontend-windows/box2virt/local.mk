# SPDX-License-Identifier: GPL-2.0-or-later
# The .NET client, by mono's compiler where there is one.  The same sources are
# a project for .NET's own tools (box2virt.csproj).
BOX2VIRT = frontend-windows/box2virt
BOX2VIRT_LIBRARY_CS = \
	$(BOX2VIRT)/AssemblyInfo.cs \
	$(BOX2VIRT)/Device/DeviceWatcher.cs \
	$(BOX2VIRT)/Device/Function.cs \
	$(BOX2VIRT)/Device/IPlatform.cs \
	$(BOX2VIRT)/Device/LinuxPlatform.cs \
	$(BOX2VIRT)/Device/UnixEndPoint.cs \
	$(BOX2VIRT)/Web/BodyStream.cs \
	$(BOX2VIRT)/Web/HttpReader.cs \
	$(BOX2VIRT)/Web/PipeHttpHandler.cs \
	$(BOX2VIRT)/Web/Refusal.cs \
	$(BOX2VIRT)/Web/ServiceDirectory.cs
BOX2VIRT_SHELL_CS = \
	$(BOX2VIRT)/Shell/Commands.cs \
	$(BOX2VIRT)/Shell/MainWindow.cs \
	$(BOX2VIRT)/Shell/Program.cs
BOX2VIRT_MCS = $(MCS) -nologo -langversion:7 -warn:4 -warnaserror

EXTRA_DIST += $(BOX2VIRT_LIBRARY_CS) $(BOX2VIRT_SHELL_CS) \
	$(BOX2VIRT)/box2virt.csproj tests/box2virt/Tests.cs \
	tests/box2virt/test-box2virt
CLEANFILES += Box2Virt.Client.dll box2virt.exe box2virt-tests.exe

Box2Virt.Client.dll: $(BOX2VIRT_LIBRARY_CS)
	$(AM_V_GEN)cd $(srcdir) && $(BOX2VIRT_MCS) -target:library \
	-out:$(abs_builddir)/$@ -r:System.Net.Http \
	-r:System.Runtime.Serialization -r:System.Xml \
	$(BOX2VIRT_LIBRARY_CS)
box2virt.exe: Box2Virt.Client.dll $(BOX2VIRT_SHELL_CS)
	$(AM_V_GEN)cd $(srcdir) && $(BOX2VIRT_MCS) -out:$(abs_builddir)/$@ \
	-r:$(abs_builddir)/Box2Virt.Client.dll -r:System.Net.Http \
	-r:System.Windows.Forms -r:System.Drawing $(BOX2VIRT_SHELL_CS)
box2virt-tests.exe: Box2Virt.Client.dll tests/box2virt/Tests.cs
	$(AM_V_GEN)cd $(srcdir) && $(BOX2VIRT_MCS) -out:$(abs_builddir)/$@ \
	-r:$(abs_builddir)/Box2Virt.Client.dll -r:System.Net.Http \
	tests/box2virt/Tests.cs

if HAVE_MONO
all-local: box2virt.exe
check_DATA += box2virt-tests.exe
TESTS += tests/box2virt/test-box2virt
endif
