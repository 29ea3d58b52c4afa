#pragma once

#include <memory>
#include <string>

#include "peerd/base/secret_box.h"
#include "peerd/catalog/catalog.h"
#include "peerd/mirrors/connectors.h"

namespace peerd::daemon {

/// Every kind of peer that this build knows.
Connectors make_connectors();
/// Outlived by `connectors`, which tell it what is secret.
std::unique_ptr<Catalog> open_catalog(const std::string& url, SecretBox secrets, const Connectors& connectors);

}  // namespace peerd::daemon
