#pragma once

#include <memory>
#include <string>

#include "peerd/sources/chunk_reader.h"
#include "postgres/slot.h"

namespace peerd {

/// Takes header and trailer off a COPY, whatever messages they come in. Pure.
class CopyFrame {
 public:
  explicit CopyFrame(CopyForm form) : form_(form), header_left_(form == CopyForm::binary) {}
  /// The rows in one CopyData message.
  std::string_view rows(std::string_view message);

 private:
  CopyForm form_;
  bool header_left_;
};

/// Reads what one COPY … TO STDOUT of a short transaction sends. Whoever derives from it says which.
class CopyOutReader : public ChunkReader {
 public:
  std::span<const std::byte> read(const Wait& wait) override;

 protected:
  explicit CopyOutReader(Connect connect) : connect_(std::move(connect)) {}
  /// The read-only transaction, on a connection that is good for it.
  void begin(const Wait& wait);
  /// The same, of an exported snapshot. False: it is not held any more, and nothing is begun.
  bool begin_in(const std::string& snapshot, const Wait& wait);
  void copy(const std::string& statement, CopyForm form, const Wait& wait);
  void roll_back(const Wait& wait);
  virtual void explain(const Error&, const Wait&) {}  ///< Throws what says more, where something does.

  Connect connect_;
  std::unique_ptr<postgres::Connection> connection_;

 private:
  void connect_anew(const Wait& wait);
  std::string_view next_message(const Wait& wait);
  void close(const Wait& wait);

  CopyFrame frame_{CopyForm::text};
  std::string piece_;
  bool reading_ = false;
};

}  // namespace peerd
