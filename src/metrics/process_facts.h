#pragma once

#include "exposition.h"

namespace peerd {

/// Memory, CPU, threads, descriptors and start of this process, by the names that Prometheus's own clients use.
void write_process(Exposition& out);

}  // namespace peerd
