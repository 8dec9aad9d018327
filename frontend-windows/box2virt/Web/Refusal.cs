// SPDX-License-Identifier: MIT
// Refusal.cs - says in words why a call was not answered as hoped.
using System.Net;
using System.Net.Http;
using System.Threading.Tasks;

namespace Box2Virt
{
    public static class Refusal
    {
        private const int TextMax = 400;

        /// <summary>
        /// One line about an answer that is no success: the platform's policy, a limit, the
        /// service itself.
        /// </summary>
        public static async Task<string> DescribeAsync(HttpResponseMessage answer)
        {
            string text = (await answer.Content.ReadAsStringAsync().ConfigureAwait(false)).Trim();
            int status = (int)answer.StatusCode;

            if (text.Length > TextMax)
                text = text.Substring(0, TextMax) + "…";
            text = text.Replace('\r', ' ').Replace('\n', ' ');
            return Kind(answer.StatusCode) + " (" + status + (text.Length > 0 ? "): " + text : ")");
        }

        private static string Kind(HttpStatusCode status)
        {
            switch ((int)status) {
            case 403:
                return "refused by policy";
            case 429:
                return "over the limit that policy sets";
            case 502:
            case 503:
            case 504:
                return "the service cannot be reached";
            default:
                return "the service answers with an error";
            }
        }
    }
}
