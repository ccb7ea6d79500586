// SPDX-License-Identifier: GPL-2.0-only
/* A plugin of QEMU that tells where the instructions go: between two marks of the
 * program that measures (see mark() in net.c), how many each block of the guest's code
 * executed, and how many were executed under each function that was called.
 *
 * What of QEMU's interface is used stands here, for Debian has no package of it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT		__attribute__((visibility("default")))
#define BUCKETS		(1 << 16)
#define DEPTH_MAX	256

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*exec_cb)(unsigned int cpu, void *data);
typedef void (*exit_cb)(qemu_plugin_id_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, trans_cb cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_cb cb, int flags,
					  void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_cb cb,
					    int flags, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, exit_cb cb, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t len);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv);

int qemu_plugin_version = 4;

/* How a block ends. */
enum end { END_OTHER, END_CALL, END_RETURN };

struct block {
	struct block *next;
	uint64_t addr;
	unsigned int n;
	enum end end;
	uint64_t self;		/* instructions executed in it */
	uint64_t below;		/* and in what was called at its address */
	uint64_t calls;
};

/* Of what a function executed itself, how much for whom. */
struct edge {
	struct edge *next;
	uint64_t from;
	uint64_t to;
	uint64_t n;
};

static struct block *blocks[BUCKETS];
static struct edge *edges[BUCKETS];
static struct block *stack[DEPTH_MAX];
static unsigned int depth;
static const struct block *last;
static bool counting;
static unsigned int rounds;
static FILE *out;

static struct block *block_at(uint64_t addr, unsigned int n, enum end end)
{
	struct block **head = &blocks[(addr ^ addr >> 16) % BUCKETS], *b;

	for (b = *head; b; b = b->next)
		if (b->addr == addr && b->n == n && b->end == end)
			return b;
	b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->addr = addr;
	b->n = n;
	b->end = end;
	b->next = *head;
	*head = b;
	return b;
}

static void count_edge(uint64_t from, uint64_t to, unsigned int n)
{
	struct edge **head = &edges[(from * 31 ^ to ^ to >> 16) % BUCKETS], *e;

	for (e = *head; e && (e->from != from || e->to != to); e = e->next)
		;
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			abort();
		*e = (struct edge){ .next = *head, .from = from, .to = to };
		*head = e;
	}
	e->n += n;
}

static void executed(unsigned int cpu, void *data)
{
	struct block *b = data;

	(void)cpu;
	if (!counting)
		return;
	if (last && last->end == END_CALL && depth < DEPTH_MAX) {
		stack[depth++] = b;
		b->calls++;
	} else if (last && last->end == END_RETURN && depth) {
		depth--;
	}
	last = b;
	b->self += b->n;
	if (depth > 1)
		count_edge(stack[depth - 2]->addr, stack[depth - 1]->addr, b->n);
	for (unsigned int i = 0; i < depth; i++) {
		unsigned int j;

		for (j = 0; j < i && stack[j]->addr != stack[i]->addr; j++)
			;
		if (j == i)
			stack[i]->below += b->n;
	}
}

static void begin(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	counting = true;
	depth = 0;
	last = NULL;
	rounds++;
}

static void finish(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	counting = false;
}

static enum end end_of(const struct qemu_plugin_insn *insn)
{
	uint8_t c[16];
	size_t len = qemu_plugin_insn_data(insn, c, sizeof(c)), i = 0;

	/* Prefixes */
	while (i + 1 < len && (c[i] == 0xf3 || c[i] == 0x2e || c[i] == 0x3e || (c[i] & 0xf0) == 0x40))
		i++;
	if (c[i] == 0xe8 || (c[i] == 0xff && i + 1 < len && (c[i + 1] >> 3 & 7) == 2))
		return END_CALL;
	return c[i] == 0xc3 ? END_RETURN : END_OTHER;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	static const uint8_t mark[] = { 0x0f, 0x1f, 0x80, 0x00, 0x74, 0x73, 0x6e };
	size_t n = qemu_plugin_tb_n_insns(tb);
	struct qemu_plugin_insn *insn;
	uint8_t code[16];

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, 0,
		block_at(qemu_plugin_tb_vaddr(tb), n, end_of(qemu_plugin_tb_get_insn(tb, n - 1))));
	for (size_t i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		if (qemu_plugin_insn_data(insn, code, sizeof(code)) != sizeof(mark) ||
		    memcmp(code, mark, 3) || memcmp(code + 4, mark + 4, 3))
			continue;
		qemu_plugin_register_vcpu_insn_exec_cb(insn, code[3] ? begin : finish, 0, NULL);
	}
}

static void tell(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	fprintf(out, "rounds %u\n", rounds);
	for (unsigned int i = 0; i < BUCKETS; i++)
		for (struct block *b = blocks[i]; b; b = b->next)
			if (b->self || b->below)
				fprintf(out, "%llx %u %llu %llu %llu\n", (unsigned long long)b->addr, b->n,
					(unsigned long long)b->self, (unsigned long long)b->below,
					(unsigned long long)b->calls);
	for (unsigned int i = 0; i < BUCKETS; i++)
		for (struct edge *e = edges[i]; e; e = e->next)
			fprintf(out, "edge %llx %llx %llu\n", (unsigned long long)e->from,
				(unsigned long long)e->to, (unsigned long long)e->n);
	fclose(out);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "to=", 3))
		return 1;
	out = fopen(argv[0] + 3, "w");
	if (!out)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, tell, NULL);
	return 0;
}
