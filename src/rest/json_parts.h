#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "peerd/base/error.h"

namespace peerd::rest {

// What libprotobuf does not write by itself.

/// "INVALID_OPTION".
std::string reason_of(const ErrorText& text);

/// `json` is `message` as libprotobuf writes it; messages in it that are not set become null, but for those that are `optional`
/// or of a oneof, which stay away.
std::string with_nulls(const google::protobuf::Message& message, std::string json);

/// Adds to the details of an error a google.rpc.PreconditionFailure with a violation for each problem of a table.
std::string with_violations(std::string json, const Problems& problems);

}  // namespace peerd::rest
