/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place where the core meets its surroundings: fixed-width types,
 * bool, errno and string functions, from the kernel or from libc.  Core files
 * include nothing else from outside the core.
 */
#ifndef NF_NAT_SIP_TCP_TYPES_H
#define NF_NAT_SIP_TCP_TYPES_H

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/jump_label.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>

/* A condition that hardly ever holds, and costs nothing then. */
#define NST_DECLARE_SWITCH(name) DECLARE_STATIC_KEY_FALSE(name)
#define nst_switch_on(name) static_branch_unlikely(&(name))
#else
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define NST_DECLARE_SWITCH(name) extern bool name
#define nst_switch_on(name) (name)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#ifndef fallthrough
#define fallthrough __attribute__((__fallthrough__))
#endif
#ifndef __must_check
#define __must_check __attribute__((__warn_unused_result__))
#endif
#endif

#endif
