// SPDX-License-Identifier: MIT
// ServiceDirectory.cs - what this guest may use, as the platform's directory says.
using System;
using System.Collections.Generic;
using System.IO;
using System.Net.Http;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Threading.Tasks;

namespace Box2Virt
{
    /// <summary>An entry of the directory; what a platform does not say is null.</summary>
    [DataContract]
    public sealed class ServiceEntry
    {
        [DataMember(Name = "type")]
        public string Type { get; set; }

        [DataMember(Name = "name")]
        public string Name { get; set; }

        [DataMember(Name = "description")]
        public string Description { get; set; }

        [DataMember(Name = "version")]
        public string Version { get; set; }

        /// <summary>"up", "down" or "unknown"</summary>
        [DataMember(Name = "health")]
        public string Health { get; set; }
    }

    /// <summary>The answer of http://directory/.</summary>
    [DataContract]
    internal sealed class DirectoryAnswer
    {
        [DataMember(Name = "grants")]
        public List<ServiceEntry> Services { get; set; }
    }

    public sealed class ServiceDirectory
    {
        public const string Url = "http://directory/";
        private readonly HttpClient client;

        /// <param name="client">made with a PipeHttpHandler; stays the caller's</param>
        public ServiceDirectory(HttpClient client)
        {
            this.client = client;
        }

        /// <summary>Throws HttpRequestException when there is no directory or it cannot be read.</summary>
        public async Task<IList<ServiceEntry>> ListAsync()
        {
            var request = new HttpRequestMessage(HttpMethod.Get, Url);

            request.Headers.TryAddWithoutValidation("Accept", "application/json");
            using (HttpResponseMessage answer = await client.SendAsync(request).ConfigureAwait(false)) {
                if (!answer.IsSuccessStatusCode)
                    throw new HttpRequestException(
                        await Refusal.DescribeAsync(answer).ConfigureAwait(false));
                return Parse(await answer.Content.ReadAsByteArrayAsync().ConfigureAwait(false));
            }
        }

        internal static IList<ServiceEntry> Parse(byte[] json)
        {
            var reader = new DataContractJsonSerializer(typeof(DirectoryAnswer));

            try {
                using (var stream = new MemoryStream(json)) {
                    var answer = (DirectoryAnswer)reader.ReadObject(stream);

                    return answer?.Services ?? new List<ServiceEntry>();
                }
            } catch (Exception e) when (e is SerializationException || e is FormatException ||
                                        e is System.Xml.XmlException) {
                throw new HttpRequestException("the directory's answer cannot be read: " + e.Message, e);
            }
        }
    }
}
