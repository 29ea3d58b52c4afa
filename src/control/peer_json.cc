#include "peer_json.h"

#include <nlohmann/json.hpp>

namespace peerd {

std::string options_json(const Options& options) {
  const nlohmann::json document(options);
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace peerd
