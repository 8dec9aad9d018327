// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * save.c - rules that the API writes.
 *
 * The new text is made from the former one, put into a copy of what is on disk,
 * and has to decide what was asked for.  Only then is it written: beside the
 * file, to the disk, renamed.
 */
#include "backend/manage/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/manage/rules.h"
#include "backend/policy/folder.h"
#include "backend/policy/line.h"

static const char heading[] =
	"# Rules that \"2virt allow|deny --save\" wrote; yours may stand here "
	"as well.\n";

struct buffer {
	char *text;
	size_t len;
};

/* The file as it is; empty if there is none.  0 or a negative errno. */
static int file_read(const char *path, struct buffer *buffer)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat status;
	ssize_t got;
	int error = 0;

	memset(buffer, 0, sizeof(*buffer));
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_size > FOLDER_FILE_MAX_BYTES) {
		close(fd);
		return -EINVAL;
	}
	buffer->text = malloc((size_t)status.st_size + 1);
	if (!buffer->text)
		error = -ENOMEM;
	while (!error && buffer->len < (size_t)status.st_size) {
		got = read(fd, buffer->text + buffer->len,
			   (size_t)status.st_size - buffer->len);
		if (got <= 0)
			break;
		buffer->len += (size_t)got;
	}
	close(fd);
	return error;
}

/* A name as a word of a rule, taken literally. */
static void print_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void rule_print(FILE *out, const struct save_rule *rule)
{
	if (!rule->action)
		return;
	fprintf(out, "%s:%s ", policy_type_name(rule->service.type),
		rule->service.name);
	print_quoted(out, rule->domain);
	fprintf(out, " %s", policy_action_name(*rule->action));
	for (size_t i = 0; i < rule->param_count; i++) {
		fprintf(out, " %s=", policy_param_name(rule->params[i].param));
		print_quoted(out, rule->params[i].text);
	}
	fputc('\n', out);
}

/* True if a line is a rule for just this service and this domain's name. */
static bool line_is_ours(struct line_reader *reader,
			 const struct save_rule *rule, struct line_word *word)
{
	char service[POLICY_NAME_SIZE + 16];
	struct policy_error error;

	snprintf(service, sizeof(service), "%s:%s",
		 policy_type_name(rule->service.type), rule->service.name);
	if (line_word(reader, word, &error) != 1 ||
	    strcmp(word->text, service) != 0)
		return false;
	return line_word(reader, word, &error) == 1 && word->quoted &&
	       strcmp(word->text, rule->domain) == 0;
}

/* The former text without our rule, and with it before the first one. */
static int text_make(const struct buffer *former, const struct save_rule *rule,
		     struct buffer *made)
{
	struct line_word *word = malloc(sizeof(*word));
	struct line_reader reader;
	struct policy_error error;
	bool written = false;
	FILE *out = open_memstream(&made->text, &made->len);
	int rc = word && out ? 1 : -ENOMEM;

	line_reader_init(&reader, former->text ? former->text : "",
			 former->len);
	if (out && !former->len)
		fputs(heading, out);
	while (rc > 0 && (rc = line_next(&reader, &error)) > 0) {
		const char *start = reader.line;
		int len = (int)reader.line_len;
		const char *first = start + strspn(start, " \t");

		if (!written && first < start + len && *first != '#') {
			rule_print(out, rule);
			written = true;
		}
		if (!line_is_ours(&reader, rule, word))
			fprintf(out, "%.*s\n", len, start);
	}
	if (out && !written)
		rule_print(out, rule);
	if (out && fclose(out))
		rc = -ENOMEM;
	free(word);
	return rc;
}

/* Would the text do what is wanted?  0, or answered. */
static int text_check(struct call *call, const struct save_rule *rule,
		      const struct buffer *text)
{
	struct policy_decision decision;
	struct policy_error error;
	struct policy_domain domain;
	struct policy_set *set;
	char said[6144];
	int rc = rules_read(call, &set);

	if (rc) {
		answer_errno(call, rc, "the folders of rules cannot be read");
		return rc;
	}
	rc = policy_set_put(set, false, SAVE_FILE, text->text, text->len,
			    &error);
	if (rc == -EINVAL) {
		policy_error_text(&error, SAVE_FILE, said, sizeof(said));
		answer_problem(call->answer, 409, "mend the file and try again",
			       "nothing was saved: %s", said);
	}
	if (!rc)
		rc = policy_domain_init(set, &domain, rule->domain, rule->uuid);
	if (rc) {
		policy_set_destroy(set);
		if (rc != -EINVAL)
			answer_errno(call, rc, NULL);
		return rc;
	}
	decision = policy_decide(set, &rule->service, &domain);
	if (rule->action &&
	    (!decision.file || decision.action != *rule->action ||
	     strcmp(decision.file, SAVE_FILE) != 0)) {
		policy_decision_text(set, &decision, said, sizeof(said));
		answer_problem(
			call->answer, 409,
			"take that rule away or move it behind " SAVE_FILE,
			"nothing was saved, because a rule before it "
			"decides: %s",
			said);
		rc = -EPERM;
	}
	policy_domain_fini(&domain);
	policy_set_destroy(set);
	return rc;
}

static int write_all(int fd, const struct buffer *text)
{
	size_t done = 0;

	while (done < text->len) {
		ssize_t got = write(fd, text->text + done, text->len - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return errno ? -errno : -EIO;
		done += (size_t)got;
	}
	if (fchmod(fd, 0644) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* A name with a dot in front is never read as rules. */
static int file_replace(const char *folder, const char *path,
			const struct buffer *text)
{
	char temporary[512];
	int fd, error, parent;

	if ((size_t)snprintf(temporary, sizeof(temporary),
			     "%s/." SAVE_FILE ".XXXXXX",
			     folder) >= sizeof(temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = write_all(fd, text);
	close(fd);
	if (!error && rename(temporary, path) < 0)
		error = -errno;
	if (error) {
		unlink(temporary);
		return error;
	}
	parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0) {
		fsync(parent);
		close(parent);
	}
	return 0;
}

int save_rule(struct call *call, const struct save_rule *rule)
{
	const struct policy_folders *folders =
		call->ops->folders ? call->ops->folders(call->context) : NULL;
	struct buffer former, made = {0};
	char path[512], why[700];
	int error;

	if (!folders || !folders->policy || !call_policy(call)) {
		answer_errno(call, -ENOSYS, "this 2virtd does not read rules");
		return -ENOSYS;
	}
	snprintf(path, sizeof(path), "%s/" SAVE_FILE, folders->policy);
	error = file_read(path, &former);
	if (!error)
		error = text_make(&former, rule, &made);
	if (error) {
		snprintf(why, sizeof(why), "%s cannot be read, or is no text",
			 path);
		answer_errno(call, error, why);
	} else {
		error = text_check(call, rule, &made);
		if (!error) {
			error = file_replace(folders->policy, path, &made);
			snprintf(why, sizeof(why), "%s cannot be written: %s",
				 path, strerror(-error));
			if (error)
				answer_errno(call, -EROFS, why);
		}
	}
	free(former.text);
	free(made.text);
	return error;
}
