/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SIPNAT_ARRAY_H
#define SIPNAT_ARRAY_H

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

#endif
