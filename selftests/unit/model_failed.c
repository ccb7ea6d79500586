// SPDX-License-Identifier: GPL-2.0-only
/* What a judge of the model refuses fails the test. */
#include "unit.h"

#include "model.h"

void model_failed(const char *what)
{
	fail_msg("%s", what);
	abort();
}
