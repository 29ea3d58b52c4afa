#pragma once

#include <librdkafka/rdkafka.h>

#include <string>

#include "peerd/base/error.h"

namespace peerd::kafka {

/// librdkafka's error as ours: what was being done, its text, its name as origin. The only place where codes are mapped.
ErrorText error_text(rd_kafka_resp_err_t code, const std::string& doing, const std::string& detail = {});
/// Throws error_text() of `error` and destroys it; nothing on nullptr.
void check(rd_kafka_error_t* error, const std::string& doing);

}  // namespace peerd::kafka
