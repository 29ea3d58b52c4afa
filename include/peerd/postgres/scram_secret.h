#pragma once

#include <string>
#include <string_view>

namespace peerd::postgres {

/// "SCRAM-SHA-256$iterations:salt$stored key:server key" (base64), as a Postgres server keeps a password: with a random
/// salt, the password in the form that SASLprep (RFC 4013) gives it, as clients send it. Throws Error (internal).
std::string scram_secret(std::string_view password);

}  // namespace peerd::postgres
