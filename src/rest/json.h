#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "peerd/base/error.h"

namespace peerd::rest {

/// Reads a body in proto3 JSON: both spellings of names, numbers or strings for numbers, enums by name or number. An
/// empty body is an empty message. Throws Error: syntax for what is no JSON, invalid_option (its field: the JSON path)
/// for unknown fields, with a suggestion, and for values of another type. No value of the body is repeated.
void read_json(std::string_view body, google::protobuf::Message& message);

/// Throws Error(invalid_option) of a field of the body, or of the query.
[[noreturn]] void refuse_field(std::string field, std::string message, std::string hint = {});

/// Names in lowerCamelCase, unset scalars included, messages that are not set as null, 64-bit integers as strings.
std::string write_json(const google::protobuf::Message& message);
/// For people to copy: names as proto/ declares them, what is not set is left out.
std::string write_json_as_declared(const google::protobuf::Message& message);

/// How an error is answered: 404 is for the peer or mirror that the caller names; a table or database that a server lacks
/// makes that server unfit.
ErrorCodeFacts answer_facts(const ErrorText& text);
/// google.rpc.Status with an ErrorInfo: reason, and as metadata hint, detail, field, table, sqlstate, origin where
/// known. Where a table is at fault, a PreconditionFailure names it as the subject of a violation.
std::string error_json(const ErrorText& text);
/// With an ErrorInfo for each of several problems. The first is that of `text`, which tells them all; each says its `message`,
/// and the first its own `own_hint`.
std::string error_json(const ErrorText& text, const Problems& problems);
/// Of a query that is refused: its own SQLSTATE, and where it lies in the query (0: nowhere).
std::string error_json(const ErrorText& text, std::string_view sqlstate, std::size_t position);
/// The same for what has no ErrorCode: an unknown path, a wrong password.
std::string error_json(int grpc_code, std::string_view reason, std::string_view message, std::string_view hint);

}  // namespace peerd::rest
