// SPDX-License-Identifier: MIT
// PipeHttpHandler.cs - HTTP/1.1 on pipes of a web function, below the platform's own HttpClient.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Http;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace Box2Virt
{
    /// <summary>
    /// A transport for HttpClient: the host of a URL is the name of a service, and a request takes
    /// a pipe of its own until its answer has been read or disposed of.
    ///
    ///     var client = new HttpClient(new PipeHttpHandler(platform));
    ///     string page = await client.GetStringAsync("http://catalog/");
    /// </summary>
    public sealed class PipeHttpHandler : HttpMessageHandler
    {
        private const int HeadersMax = 256;
        private readonly IPlatform platform;
        private readonly string name;

        /// <param name="name">of the web function</param>
        public PipeHttpHandler(IPlatform platform, string name = "default")
        {
            this.platform = platform;
            this.name = name;
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request,
                                                                     CancellationToken cancel)
        {
            // The whole body first: a pipe is not kept waiting for it.
            byte[] body = request.Content == null
                              ? null
                              : await request.Content.ReadAsByteArrayAsync().ConfigureAwait(false);

            return await Task.Run(() => Exchange(request, body, cancel), cancel).ConfigureAwait(false);
        }

        private HttpResponseMessage Exchange(HttpRequestMessage request, byte[] body,
                                             CancellationToken cancel)
        {
            if (request.RequestUri.Scheme != "http")
                throw new HttpRequestException("pipes carry http: the platform speaks https to the service");
            Stream pipe = OpenPipe();

            try {
                using (cancel.Register(pipe.Dispose)) {
                    byte[] head = ComposeHead(request, body);

                    pipe.Write(head, 0, head.Length);
                    if (body != null && body.Length > 0)
                        pipe.Write(body, 0, body.Length);
                    pipe.Flush();
                    return ReadAnswer(request, pipe);
                }
            } catch (Exception e) {
                pipe.Dispose();
                cancel.ThrowIfCancellationRequested();
                if (e is IOException || e is ObjectDisposedException)
                    throw new HttpRequestException(request.RequestUri.Host + ": " + e.Message, e);
                throw;
            }
        }

        private Stream OpenPipe()
        {
            try {
                foreach (Function function in platform.Scan())
                    if (function.Type == "web" && function.Name == name && function.IsReady)
                        return platform.Open(function);
            } catch (IOException e) {
                throw new HttpRequestException(e.Message, e);
            }
            throw new HttpRequestException("no web service is plugged in (web:" + name +
                                           "): ask the platform's administrator to grant one");
        }

        private static byte[] ComposeHead(HttpRequestMessage request, byte[] body)
        {
            var head = new StringBuilder();

            head.Append(request.Method.Method).Append(' ')
                .Append(request.RequestUri.PathAndQuery).Append(" HTTP/1.1\r\n");
            head.Append("Host: ").Append(request.Headers.Host ?? request.RequestUri.Authority).Append("\r\n");
            AppendHeaders(head, request.Headers);
            if (request.Content != null)
                AppendHeaders(head, request.Content.Headers);
            if (body != null)
                head.Append("Content-Length: ").Append(body.Length.ToString(CultureInfo.InvariantCulture))
                    .Append("\r\n");
            head.Append("Connection: close\r\n\r\n");
            return Encoding.ASCII.GetBytes(head.ToString());
        }

        private static void AppendHeaders(StringBuilder head,
                                          IEnumerable<KeyValuePair<string, IEnumerable<string>>> headers)
        {
            foreach (KeyValuePair<string, IEnumerable<string>> header in headers) {
                switch (header.Key.ToLowerInvariant()) {
                case "host":
                case "connection":
                case "content-length":
                case "transfer-encoding":
                case "expect":
                    continue;
                }
                string value = string.Join(", ", header.Value);

                if (value.IndexOfAny(new[] { '\r', '\n' }) >= 0)
                    throw new HttpRequestException("a header has a line break in it: " + header.Key);
                head.Append(header.Key).Append(": ").Append(value).Append("\r\n");
            }
        }

        private static HttpResponseMessage ReadAnswer(HttpRequestMessage request, Stream pipe)
        {
            var reader = new HttpReader(pipe);
            HttpResponseMessage answer;
            List<KeyValuePair<string, string>> headers;

            do {
                answer = ReadStatus(reader.ReadLine());
                headers = ReadHeaders(reader);
            } while ((int)answer.StatusCode < 200);
            answer.RequestMessage = request;
            answer.Content = new StreamContent(BodyOf(request, answer, headers, pipe, reader));
            foreach (KeyValuePair<string, string> header in headers)
                if (!answer.Headers.TryAddWithoutValidation(header.Key, header.Value))
                    answer.Content.Headers.TryAddWithoutValidation(header.Key, header.Value);
            return answer;
        }

        private static HttpResponseMessage ReadStatus(string line)
        {
            string[] parts = line.Split(new[] { ' ' }, 3);

            if (parts.Length < 2 || !parts[0].StartsWith("HTTP/1.", StringComparison.Ordinal) ||
                !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int status) ||
                status < 100 || status > 999)
                throw new IOException("this is no answer of HTTP/1.1: " + line);
            return new HttpResponseMessage((HttpStatusCode)status) {
                Version = new Version(1, 1),
                ReasonPhrase = parts.Length > 2 ? parts[2] : "",
            };
        }

        private static List<KeyValuePair<string, string>> ReadHeaders(HttpReader reader)
        {
            var headers = new List<KeyValuePair<string, string>>();
            string line;

            while ((line = reader.ReadLine()).Length > 0) {
                int colon = line.IndexOf(':');

                if (colon <= 0 || headers.Count >= HeadersMax)
                    throw new IOException("the answer's head is malformed");
                headers.Add(new KeyValuePair<string, string>(line.Substring(0, colon),
                                                             line.Substring(colon + 1).Trim()));
            }
            return headers;
        }

        private static BodyStream BodyOf(HttpRequestMessage request, HttpResponseMessage answer,
                                         List<KeyValuePair<string, string>> headers, Stream pipe,
                                         HttpReader reader)
        {
            int status = (int)answer.StatusCode;

            if (request.Method == HttpMethod.Head || status == 204 || status == 304)
                return BodyStream.Counted(pipe, reader, 0);
            foreach (KeyValuePair<string, string> header in headers)
                if (header.Key.Equals("transfer-encoding", StringComparison.OrdinalIgnoreCase))
                    return BodyStream.Chunked(pipe, reader);
            foreach (KeyValuePair<string, string> header in headers) {
                if (!header.Key.Equals("content-length", StringComparison.OrdinalIgnoreCase))
                    continue;
                if (!long.TryParse(header.Value, NumberStyles.None, CultureInfo.InvariantCulture,
                                   out long length))
                    throw new IOException("the answer's length is no number: " + header.Value);
                return BodyStream.Counted(pipe, reader, length);
            }
            return BodyStream.ToEnd(pipe, reader);
        }
    }
}
