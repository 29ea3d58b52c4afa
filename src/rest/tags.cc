#include "json.h"
#include "peerd/catalog/tag_store.h"
#include "proto/instance.pb.h"
#include "routes.h"

namespace peerd::rest {
namespace {

constexpr int kMostTags = 100;
constexpr std::size_t kLongest = 1024;

Tags read_tags(const peerdb_route::CreateOrReplaceFlowTagsRequest& body) {
  if (body.tags_size() > kMostTags) refuse_field("tags", "a mirror has at most " + std::to_string(kMostTags) + " tags");
  Tags tags;
  for (int i = 0; i < body.tags_size(); ++i) {
    const std::string at = "tags[" + std::to_string(i) + "].";
    const auto& tag = body.tags(i);
    if (tag.key().empty()) refuse_field(at + "key", "a tag has no key");
    if (tag.key().size() > kLongest || tag.value().size() > kLongest)
      refuse_field(at + "key", "a tag's key and value have at most " + std::to_string(kLongest) + " bytes");
    if (!tags.emplace(tag.key(), tag.value()).second) refuse_field(at + "key", "two tags have the same key");
  }
  return tags;
}

}  // namespace

std::string put_tags(Call& call) {
  peerdb_route::CreateOrReplaceFlowTagsRequest body;
  read_json(call.body, body);
  const MirrorRecord mirror = call.deps.mirrors.record(body.flow_name());
  tags_of(call.deps.catalog).put_tags(mirror.id, read_tags(body));
  peerdb_route::CreateOrReplaceFlowTagsResponse reply;
  reply.set_flow_name(mirror.spec.name);
  return write_json(reply);
}

std::string get_tags(Call& call) {
  const MirrorRecord mirror = call.deps.mirrors.record(call.parameter);
  peerdb_route::GetFlowTagsResponse reply;
  reply.set_flow_name(mirror.spec.name);
  for (const auto& [key, value] : tags_of(call.deps.catalog).tags(mirror.id)) {
    auto& tag = *reply.add_tags();
    tag.set_key(key);
    tag.set_value(value);
  }
  return write_json(reply);
}

}  // namespace peerd::rest
