#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routes.h"

namespace peerd::rest {

/// What a query of a peer answered, whole.
class PeerRows : public RowSink {
 public:
  void columns(std::span<const std::string>) override {}
  void row(std::span<const std::optional<std::string_view>> cells) override;

  std::size_t size() const { return rows_.size(); }
  bool null(std::size_t row, std::size_t column) const { return !rows_[row][column]; }
  std::string text(std::size_t row, std::size_t column) const { return rows_[row][column].value_or(""); }  ///< "" for NULL.
  bool truth(std::size_t row, std::size_t column) const { return text(row, column) == "t"; }
  std::int64_t integer(std::size_t row, std::size_t column) const;  ///< 0 for NULL.
  double real(std::size_t row, std::size_t column) const;

 private:
  std::vector<std::vector<std::optional<std::string>>> rows_;
};

/// What the request's query says under that name, or under its lowerCamelCase. Throws Error(invalid_option) when neither is there.
std::string query_text(const Call& call, std::string_view name);
bool query_boolean(const Call& call, std::string_view name, bool otherwise);
std::int64_t query_integer(const Call& call, std::string_view name, std::int64_t otherwise, std::int64_t least,
                           std::int64_t most);

/// A session at the server of a peer that can be a source. Throws Error: not_found, invalid_option for a kind that cannot.
std::unique_ptr<PeerSession> source_session(Call& call, const std::string& peer);
/// By the slot's name, the mirrors that read this peer.
std::map<std::string, std::string> mirrors_by_slot(Catalog& catalog, const std::string& peer);
PeerRows ask(PeerSession& session, const std::string& sql, const Call& call);

}  // namespace peerd::rest
