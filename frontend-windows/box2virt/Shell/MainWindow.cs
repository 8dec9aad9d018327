// SPDX-License-Identifier: MIT
// MainWindow.cs - devices and services as they come and go, and a call to one of them.
using System;
using System.Drawing;
using System.IO;
using System.Net.Http;
using System.Windows.Forms;

namespace Box2Virt.Shell
{
    internal sealed class MainWindow : Form
    {
        private readonly DeviceWatcher watcher;
        private readonly HttpClient client;
        private readonly ListView functions = NewList("Function", "State", "Pipes", "Where");
        private readonly ListView services = NewList("Service", "Type", "Health", "Description");
        private readonly ListBox events = new ListBox { Dock = DockStyle.Fill, IntegralHeight = false };
        private readonly TextBox address = new TextBox { Dock = DockStyle.Fill };
        private readonly Button call = new Button { Text = "Call", Dock = DockStyle.Right, Width = 90 };
        private readonly RichTextBox result = new RichTextBox {
            Dock = DockStyle.Fill, ReadOnly = true, WordWrap = false, DetectUrls = false,
            Font = new Font(FontFamily.GenericMonospace, 9),
        };

        private MainWindow(IPlatform platform, string url)
        {
            client = new HttpClient(new PipeHttpHandler(platform));
            watcher = new DeviceWatcher(platform);
            Text = "Box2Virt";
            ClientSize = new Size(860, 600);
            address.Text = url;
            AcceptButton = call;
            Arrange();
            call.Click += (sender, e) => Call();
            watcher.Plugged += (sender, e) => Note("plugged in: " + e.Function.Id);
            watcher.Unplugged += (sender, e) => Note("pulled: " + e.Function.Id);
            watcher.Trouble += (sender, e) => Note(e.Text);
        }

        /// <summary>Returns when the window is closed.</summary>
        public static int Show(IPlatform platform, string url)
        {
            try {
                Application.EnableVisualStyles();
                Application.Run(new MainWindow(platform, url));
            } catch (TypeInitializationException e) {
                // How mono says that there is no display.
                throw new IOException("no window can be opened here (is DISPLAY set?): " +
                                      (e.InnerException ?? e).Message, e);
            }
            return Commands.Success;
        }

        private static ListView NewList(params string[] titles)
        {
            var list = new ListView { View = View.Details, FullRowSelect = true, Dock = DockStyle.Fill };

            foreach (string title in titles)
                list.Columns.Add(title, title == "Description" ? 300 : 130);
            return list;
        }

        private static GroupBox Box(string title, Control inner)
        {
            var box = new GroupBox { Text = title, Dock = DockStyle.Fill };

            box.Controls.Add(inner);
            return box;
        }

        private void Arrange()
        {
            var rows = new TableLayoutPanel { Dock = DockStyle.Fill, RowCount = 5, ColumnCount = 1 };
            var line = new Panel { Dock = DockStyle.Fill };

            foreach (float percent in new[] { 22f, 22f, 16f })
                rows.RowStyles.Add(new RowStyle(SizeType.Percent, percent));
            rows.RowStyles.Add(new RowStyle(SizeType.Absolute, 32));
            rows.RowStyles.Add(new RowStyle(SizeType.Percent, 40));
            line.Controls.Add(address);
            line.Controls.Add(call);
            rows.Controls.Add(Box("Plugged in", functions));
            rows.Controls.Add(Box("Services of this machine", services));
            rows.Controls.Add(Box("Events", events));
            rows.Controls.Add(line);
            rows.Controls.Add(Box("Answer", result));
            Controls.Add(rows);
        }

        protected override void OnShown(EventArgs e)
        {
            base.OnShown(e);
            watcher.Start();
        }

        protected override void OnFormClosed(FormClosedEventArgs e)
        {
            watcher.Dispose();
            client.Dispose();
            base.OnFormClosed(e);
        }

        // From the watcher's thread.
        private void Note(string text)
        {
            string line = DateTime.Now.ToString("HH:mm:ss ") + text;

            if (!IsDisposed && IsHandleCreated)
                BeginInvoke((Action)(() => {
                    events.Items.Insert(0, line);
                    Refill();
                }));
        }

        private void Refill()
        {
            functions.Items.Clear();
            foreach (Function function in watcher.Functions)
                functions.Items.Add(new ListViewItem(new[] {
                    function.Id, function.State, function.PipesUsed + "/" + function.Pipes,
                    function.Location,
                }));
            RefillServices();
        }

        private async void RefillServices()
        {
            try {
                var entries = await new ServiceDirectory(client).ListAsync();

                services.Items.Clear();
                foreach (ServiceEntry entry in entries)
                    services.Items.Add(new ListViewItem(new[] {
                        entry.Name ?? "", entry.Type ?? "", entry.Health ?? "", entry.Description ?? "",
                    }));
            } catch (HttpRequestException) {
                services.Items.Clear();
            }
        }

        private async void Call()
        {
            if (!Uri.TryCreate(address.Text, UriKind.Absolute, out Uri uri) || uri.Scheme != "http") {
                result.Text = address.Text + " is no URL like http://SERVICE/PATH";
                return;
            }
            call.Enabled = false;
            result.Text = "…";
            try {
                using (HttpResponseMessage answer = await client.GetAsync(uri)) {
                    result.Text = answer.IsSuccessStatusCode
                                      ? await answer.Content.ReadAsStringAsync()
                                      : await Refusal.DescribeAsync(answer);
                }
            } catch (HttpRequestException e) {
                result.Text = e.Message;
            } catch (OperationCanceledException) {
                result.Text = "the service did not answer in time";
            } finally {
                call.Enabled = true;
            }
            Refill();
        }
    }
}
