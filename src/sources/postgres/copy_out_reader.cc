#include "postgres/copy_out_reader.h"

#include <cstring>

#include "postgres/held_snapshot.h"
#include "postgres/wal_wait.h"

namespace peerd {
namespace {

constexpr std::size_t kPieceBytes = 256 * 1024;
constexpr std::size_t kBinaryHeader = 19;  ///< Signature, flags and the length of an extension, which no version uses.

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace

std::string_view CopyFrame::rows(std::string_view message) {
  if (form_ == CopyForm::text) return message;
  if (header_left_) {
    header_left_ = false;
    if (message.size() < kBinaryHeader || std::memcmp(message.data(), "PGCOPY\n\377\r\n\0", 11) != 0) {
      throw Error(ErrorCode::peer_error, "the source's COPY has no binary header");
    }
    message.remove_prefix(kBinaryHeader);
  }
  // A row begins with its count of columns; -1 there is the end, in a message of its own.
  if (message.size() == 2 && message[0] == '\xff' && message[1] == '\xff') return {};
  return message;
}

void CopyOutReader::connect_anew(const Wait& wait) {
  // A chunk that was left in the middle leaves the connection in a COPY: a new one costs less than draining it.
  if (reading_ || !connection_ || connection_->broken()) connection_ = connect_(false, wait);
}

void CopyOutReader::begin(const Wait& wait) {
  connect_anew(wait);
  reading_ = true;
  connection_->run("BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY", wait);
}

bool CopyOutReader::begin_in(const std::string& snapshot, const Wait& wait) {
  connect_anew(wait);
  reading_ = true;
  return reading_ = begin_in_snapshot(*connection_, snapshot, wait);
}

void CopyOutReader::roll_back(const Wait& wait) {
  connection_->run("ROLLBACK", wait);
  reading_ = false;
}

void CopyOutReader::copy(const std::string& statement, CopyForm form, const Wait& wait) {
  frame_ = CopyFrame(form);
  try {
    connection_->copy_out(statement, wait);
  } catch (const Error& error) {
    explain(error, wait);
    throw;
  }
}

std::span<const std::byte> CopyOutReader::read(const Wait& wait) {
  piece_.clear();
  while (reading_ && piece_.size() < kPieceBytes) {
    const std::string_view message = next_message(wait);
    if (message.data() == nullptr) {
      close(wait);
      break;
    }
    const std::string_view rows = frame_.rows(message);
    if (piece_.empty() && rows.size() >= kPieceBytes) return as_bytes(rows);  // Large rows are not copied once more.
    piece_ += rows;
  }
  return as_bytes(piece_);
}

std::string_view CopyOutReader::next_message(const Wait& wait) {
  try {
    return connection_->copy_read(wait);
  } catch (const Error& error) {
    explain(error, wait);
    throw;
  }
}

void CopyOutReader::close(const Wait& wait) {
  connection_->run("COMMIT", wait);
  await_flushed(*connection_, wait);
  reading_ = false;
}

}  // namespace peerd
