#pragma once

#include <string>

#include "mappings.h"
#include "peerd/changes/table.h"

namespace peerd::kafka {

/// Throws where two columns would have one name in messages, and where one of the key is renamed: a message's key has its
/// columns' names, and what was sent under others would be replaced and deleted by nothing.
void require_alterable(const Mappings& mappings, const MirrorTable& from, const MirrorTable& to, const std::string& topic);

}  // namespace peerd::kafka
