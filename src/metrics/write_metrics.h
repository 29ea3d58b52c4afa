#pragma once

#include <span>
#include <string>

#include "peerd/metrics/metrics.h"

namespace peerd {

/// The whole page; docs/metrics.md lists its families.
std::string write_metrics(const MetricsFacts& facts, std::span<const Metrics::Shown> mirrors);

}  // namespace peerd
