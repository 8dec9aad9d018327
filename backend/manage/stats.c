// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats.c - numbers: as JSON, and as Prometheus reads them.
 *
 * A domain's name in a label may be anything: quotes, backslashes and line
 * ends are escaped as the text format wants it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/manage/route.h"

/* Some 1,000 grants in use; the histograms, last, are what is cut. */
enum { METRICS_MAX = 16 << 20 };

static const char *const stage_names[MANAGE_STAGES] = {"ring", "function",
						       "service", "upstream"};

struct stats_view {
	struct call *call;
	json_t *list;
	bool only_one;
	uint32_t only;
	FILE *out;
	int family;
	bool cut; /* there was more than METRICS_MAX */
};

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* Upper edge of a bucket in microseconds. */
static uint64_t edge_us(unsigned int bucket)
{
	return UINT64_C(1) << bucket;
}

/* As if each were in the middle of its bucket. */
static double histogram_sum_s(const struct manage_histogram *histogram)
{
	double sum = 0;

	for (unsigned int i = 0; i < MANAGE_BUCKETS; i++)
		sum += (double)histogram->bucket[i] * (double)edge_us(i) * 0.75;
	return sum / 1e6;
}

static uint64_t histogram_count(const struct manage_histogram *histogram)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < MANAGE_BUCKETS; i++)
		count += histogram->bucket[i];
	return count;
}

/* The edge below which this share (in thousandths) of all lies; 0: none. */
static uint64_t quantile_us(const struct manage_histogram *histogram,
			    unsigned int thousandths)
{
	uint64_t count = histogram_count(histogram), seen = 0;

	for (unsigned int i = 0; i < MANAGE_BUCKETS && count; i++) {
		seen += histogram->bucket[i];
		if (seen * 1000 >= count * thousandths)
			return edge_us(i);
	}
	return 0;
}

static json_t *stages_json(const struct manage_stats *stats)
{
	json_t *stages = json_object();

	for (unsigned int i = 0; i < MANAGE_STAGES; i++) {
		const struct manage_histogram *histogram = &stats->stages[i];
		json_t *buckets = json_array();

		for (unsigned int j = 0; j < MANAGE_BUCKETS; j++)
			json_array_append_new(buckets,
					      number(histogram->bucket[j]));
		json_object_set_new(
			stages, stage_names[i],
			json_pack("{s:o, s:o, s:o, s:o}", "count",
				  number(histogram_count(histogram)), "p50_us",
				  number(quantile_us(histogram, 500)), "p99_us",
				  number(quantile_us(histogram, 990)),
				  "buckets", buckets));
	}
	return stages;
}

static void add_stats(void *argument, const struct manage_stats *stats)
{
	struct stats_view *view = argument;
	json_t *denials = json_object(), *json;

	if (view->only_one && stats->domid != view->only) {
		json_decref(denials);
		return;
	}
	for (size_t i = 0; i < stats->denial_count; i++)
		json_object_set_new(denials, stats->denials[i].name,
				    number(stats->denials[i].value));
	json = json_pack("{s:i, s:o, s:o}", "domid", (int)stats->domid,
			 "domain", answer_string(stats->domain), "service",
			 service_json(&stats->service));
	json_object_set_new(json, "requests", number(stats->requests));
	json_object_set_new(json, "bytes", number(stats->bytes));
	json_object_set_new(json, "queued", number(stats->queued));
	json_object_set_new(json, "drops", number(stats->drops));
	json_object_set_new(json, "denials", denials);
	json_object_set_new(json, "latency", stages_json(stats));
	json_array_append_new(view->list, json);
}

static void add_number(void *argument, const struct manage_number *value)
{
	json_object_set_new(argument, value->name, json_real(value->value));
}

void view_stats(struct call *call)
{
	struct stats_view view = {.call = call};
	const char *only = request_query_get(call->request, "domain");
	json_t *daemon;
	struct found_domain found;

	if (only) {
		if (!call_domain(call, only, &found))
			return;
		view.only_one = true;
		view.only = found.domid;
	}
	view.list = json_array();
	daemon = json_object();
	if (call->ops->stats)
		call->ops->stats(call->context, add_stats, &view);
	if (call->ops->numbers)
		call->ops->numbers(call->context, add_number, daemon);
	answer_json(
		call->answer, 200,
		json_pack("{s:o, s:o}", "stats", view.list, "daemon", daemon));
}

/*
 * --- Prometheus ---
 */

enum family {
	FAMILY_REQUESTS,
	FAMILY_BYTES,
	FAMILY_QUEUED,
	FAMILY_DROPS,
	FAMILY_DENIALS,
	FAMILY_LATENCY,
	FAMILY_COUNT
};

static const struct {
	const char *name, *type, *help;
} families[FAMILY_COUNT] = {
	[FAMILY_REQUESTS] = {"twovirt_requests_total", "counter",
			     "Requests of a grant."},
	[FAMILY_BYTES] = {"twovirt_bytes_total", "counter",
			  "Octets, both ways together."},
	[FAMILY_QUEUED] = {"twovirt_queued", "gauge",
			   "Requests that wait at this moment."},
	[FAMILY_DROPS] = {"twovirt_drops_total", "counter",
			  "What was dropped instead of served."},
	[FAMILY_DENIALS] = {"twovirt_denials_total", "counter",
			    "Requests denied, by reason."},
	[FAMILY_LATENCY] = {"twovirt_stage_seconds", "histogram",
			    "Time in each stage; the sum is estimated "
			    "from the buckets."},
};

static void print_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=\"", name);
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (c == '\\' || c == '"')
			fprintf(out, "\\%c", c);
		else if (c == '\n')
			fputs("\\n", out);
		else
			fputc(c < 0x20 || c >= 0x7f ? '?' : c, out);
	}
	fputc('"', out);
}

static void print_labels(const struct stats_view *view,
			 const struct manage_stats *stats)
{
	char service[POLICY_NAME_SIZE + 16];

	snprintf(service, sizeof(service), "%s:%s",
		 policy_type_name(stats->service.type), stats->service.name);
	fprintf(view->out, "{domid=\"%" PRIu32 "\",", stats->domid);
	print_label(view->out, "domain", stats->domain);
	fputc(',', view->out);
	print_label(view->out, "service", service);
}

static void print_plain(const struct stats_view *view,
			const struct manage_stats *stats, const char *label,
			const char *label_value, uint64_t value)
{
	fputs(families[view->family].name, view->out);
	print_labels(view, stats);
	if (label) {
		fputc(',', view->out);
		print_label(view->out, label, label_value);
	}
	fprintf(view->out, "} %" PRIu64 "\n", value);
}

static void print_stage(const struct stats_view *view,
			const struct manage_stats *stats, unsigned int stage)
{
	const struct manage_histogram *histogram = &stats->stages[stage];
	const char *name = families[view->family].name;
	uint64_t seen = 0;

	for (unsigned int i = 0; i < MANAGE_BUCKETS; i++) {
		seen += histogram->bucket[i];
		fprintf(view->out, "%s_bucket", name);
		print_labels(view, stats);
		if (i + 1 < MANAGE_BUCKETS)
			fprintf(view->out,
				",stage=\"%s\",le=\"%.6f\"} %" PRIu64 "\n",
				stage_names[stage], (double)edge_us(i) / 1e6,
				seen);
		else
			fprintf(view->out,
				",stage=\"%s\",le=\"+Inf\"} %" PRIu64 "\n",
				stage_names[stage], seen);
	}
	fprintf(view->out, "%s_sum", name);
	print_labels(view, stats);
	fprintf(view->out, ",stage=\"%s\"} %.6f\n", stage_names[stage],
		histogram_sum_s(histogram));
	fprintf(view->out, "%s_count", name);
	print_labels(view, stats);
	fprintf(view->out, ",stage=\"%s\"} %" PRIu64 "\n", stage_names[stage],
		seen);
}

static void print_stats(void *argument, const struct manage_stats *stats)
{
	struct stats_view *view = argument;

	view->cut = view->cut || ftell(view->out) > METRICS_MAX;
	if (view->cut)
		return;
	switch ((enum family)view->family) {
	case FAMILY_REQUESTS:
		print_plain(view, stats, NULL, NULL, stats->requests);
		break;
	case FAMILY_BYTES:
		print_plain(view, stats, NULL, NULL, stats->bytes);
		break;
	case FAMILY_QUEUED:
		print_plain(view, stats, NULL, NULL, stats->queued);
		break;
	case FAMILY_DROPS:
		print_plain(view, stats, NULL, NULL, stats->drops);
		break;
	case FAMILY_DENIALS:
		for (size_t i = 0; i < stats->denial_count; i++)
			print_plain(view, stats, "reason",
				    stats->denials[i].name,
				    stats->denials[i].value);
		break;
	case FAMILY_LATENCY:
		for (unsigned int i = 0; i < MANAGE_STAGES; i++)
			if (histogram_count(&stats->stages[i]))
				print_stage(view, stats, i);
		break;
	case FAMILY_COUNT:
		break;
	}
}

static void print_number(void *argument, const struct manage_number *number)
{
	fprintf(argument, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n",
		number->name, number->help, number->name,
		number->counter ? "counter" : "gauge", number->name,
		number->value);
}

void view_metrics(struct call *call)
{
	struct stats_view view = {.call = call};
	char *text = NULL;
	size_t len = 0;

	view.out = open_memstream(&text, &len);
	if (!view.out) {
		answer_text(call->answer, "text/plain", NULL, 0);
		return;
	}
	for (int i = 0; i < FAMILY_COUNT; i++) {
		view.family = i;
		fprintf(view.out, "# HELP %s %s\n# TYPE %s %s\n",
			families[i].name, families[i].help, families[i].name,
			families[i].type);
		if (call->ops->stats)
			call->ops->stats(call->context, print_stats, &view);
	}
	fprintf(view.out,
		"# HELP twovirt_metrics_cut 1: there was no room for all.\n"
		"# TYPE twovirt_metrics_cut gauge\ntwovirt_metrics_cut %d\n",
		view.cut);
	if (call->ops->numbers)
		call->ops->numbers(call->context, print_number, view.out);
	if (fclose(view.out)) {
		free(text);
		text = NULL;
	}
	answer_text(call->answer, "text/plain; version=0.0.4", text, len);
}
