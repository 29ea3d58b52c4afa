#include "clickhouse/insert.h"

#include <lz4frame.h>

#include "peerd/base/text.h"

namespace peerd::clickhouse {
namespace {

constexpr std::size_t kPieceBytes = 256 << 10;

LZ4F_preferences_t preferences() {
  LZ4F_preferences_t p{};
  p.frameInfo.blockSizeID = LZ4F_max256KB;
  p.frameInfo.blockMode = LZ4F_blockIndependent;
  return p;
}

std::size_t checked(std::size_t result) {
  if (LZ4F_isError(result) != 0) throw Error(ErrorCode::internal, std::string("LZ4: ") + LZ4F_getErrorName(result));
  return result;
}

}  // namespace

StatementNames::StatementNames(const Lease& lease)
    : uuid_(lease.uuid), instance_(make_uuid().substr(0, 8)), epoch_(lease.epoch) {}

struct Insert::Compressor {
  Compressor() { checked(LZ4F_createCompressionContext(&context, LZ4F_VERSION)); }
  ~Compressor() { LZ4F_freeCompressionContext(context); }
  std::size_t room(std::size_t bytes) const { return LZ4F_compressBound(bytes, &settings); }

  LZ4F_cctx* context = nullptr;
  LZ4F_preferences_t settings = preferences();
  Bytes out;
};

Insert::Insert(Client& client, StatementNames& names)
    : client_(client), names_(names), compressor_(std::make_unique<Compressor>()) {}
Insert::~Insert() = default;

void Insert::begin(const TableLayout& layout, std::string_view target_table, TableId id) {
  upload_.reset();
  table_ = id;
  sent_bytes_ = 0;
  statement_ = "INSERT INTO " + quote_name(target_table) + " (" + insert_columns(layout) + ") FORMAT Native";
}

void Insert::open(const Wait& wait) {
  // No deduplication of any kind (rules.md 20): session_settings.cc. The wait for our next block may be long: the source decides.
  const Settings settings{
      {"query", statement_}, {"query_id", names_.next(table_)}, {"http_receive_timeout", "3600"}};
  upload_ = client_.upload(settings, "lz4", wait);
  Bytes& out = compressor_->out;
  out.clear();
  char* at = out.extend(LZ4F_HEADER_SIZE_MAX);
  out.cut(checked(LZ4F_compressBegin(compressor_->context, at, LZ4F_HEADER_SIZE_MAX, &compressor_->settings)));
}

void Insert::compress(std::string_view bytes, const Wait& wait) {
  sent_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPieceBytes);
    bytes.remove_prefix(piece.size());
    Bytes& out = compressor_->out;
    const std::size_t before = out.size(), room = compressor_->room(piece.size());
    char* at = out.extend(room);
    out.cut(before + checked(LZ4F_compressUpdate(compressor_->context, at, room, piece.data(), piece.size(), nullptr)));
    flush(kPieceBytes, wait);
  }
}

void Insert::flush(std::size_t keep, const Wait& wait) {
  Bytes& out = compressor_->out;
  if (out.size() <= keep) return;
  upload_->write(std::as_bytes(std::span(out.data(), out.size())), wait);
  out.clear();
}

void Insert::send(Block& block, const Wait& wait) {
  if (block.rows() == 0) return;
  if (upload_ == nullptr) open(wait);
  block.write([&](std::string_view bytes) { compress(bytes, wait); });
}

void Insert::finish(const Wait& wait) {
  if (upload_ == nullptr) return;
  Bytes& out = compressor_->out;
  const std::size_t before = out.size(), room = compressor_->room(0);
  char* at = out.extend(room);
  out.cut(before + checked(LZ4F_compressEnd(compressor_->context, at, room, nullptr)));
  flush(0, wait);
  const auto upload = std::move(upload_);
  client_.finish_upload(*upload, wait);
}

}  // namespace peerd::clickhouse
