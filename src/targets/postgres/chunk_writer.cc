#include "postgres/chunk_writer.h"

#include <algorithm>

#include "peerd/base/text.h"
#include "postgres/bookkeeping.h"
#include "postgres/encode.h"
#include "postgres/errors.h"
#include "postgres/schema.h"

namespace peerd::pgtarget {

/// After any throw the connection is given up: the transaction in it is rolled back, and the next begin() makes a new
/// one.
template <typename Work>
auto PostgresChunkWriter::guarded(Work work) {
  try {
    return work();
  } catch (Error& error) {
    connection_.reset();
    learnt_ = copying_ = false;
    explain(error, site_, table_);
    throw;
  } catch (...) {
    connection_.reset();
    learnt_ = copying_ = false;
    throw;
  }
}

/// Reads once per table whether rows can clash at the target, and makes the temporary table if they can.
void PostgresChunkWriter::learn(const MirrorTable& table, const Wait& wait) {
  if (learnt_ && table_ == table) return;
  const postgres::QualifiedName name = postgres::parse_qualified(table.target_name);
  const Standing standing = inspect(*connection_, name, wait);
  if (standing.oid == 0) {
    throw Error(ErrorCode::not_found, "table " + name.quoted() + " is gone from the target",
                "drop the mirror and create it again");
  }
  name_ = name.quoted();
  std::vector<std::string> columns;
  for (const Column& column : table.schema.columns) columns.push_back(quote_identifier(column.name));
  columns_ = join(columns, ", ");
  staging_.clear();
  arbiter_.clear();
  // Without an arbiter all must be able to be one, which what is checked at the commit cannot.
  const bool later = std::ranges::any_of(standing.unique, [](const StandingIndex& index) { return !index.immediate; });
  if (later && key_index(table.schema, standing) != nullptr)
    arbiter_ = " (" + join(quoted_key(table.schema), ", ") + ")";
  if (!standing.unique.empty()) {
    staging_ = "pg_temp.peerd_copy";
    connection_->run("DROP TABLE IF EXISTS " + staging_ + "; CREATE TEMPORARY TABLE " + staging_ +
                         " ON COMMIT DELETE ROWS AS SELECT " + columns_ + " FROM " + name_ + " WITH NO DATA",
                     wait);
  }
  table_ = table;
  learnt_ = true;
}

ChunkWriter::Begun PostgresChunkWriter::start(const Chunk& chunk, const CopyPlan& plan, CopyCounts& known,
                                              const Wait& wait) {
  begin_fenced(*connection_, site_, wait);
  if (const auto noted = read_chunk(*connection_, site_, chunk, wait)) {
    known = *noted;
    connection_->run("ROLLBACK", wait);
    return Begun::known_done;
  }
  chunk_ = chunk;
  counts_ = {};
  form_ = plan.form;
  const bool binary = form_ == CopyForm::binary;
  connection_->copy_in("COPY " + (staging_.empty() ? name_ : staging_) + " (" + columns_ + ") FROM STDIN" +
                           (binary ? " (FORMAT binary)" : ""),
                       wait);
  copying_ = true;
  if (binary) connection_->copy_write(binary_copy_header(), wait);
  return Begun::ready;
}

ChunkWriter::Begun PostgresChunkWriter::begin(const MirrorTable& table, const Chunk& chunk, const CopyPlan& plan,
                                              CopyCounts& known, const Wait& wait) {
  return guarded([&] {
    if (copying_) {  // The chunk before was abandoned.
      connection_->copy_fail("the chunk was abandoned", wait);
      connection_->run("ROLLBACK", wait);
      copying_ = false;
    }
    if (!connection_ || connection_->broken()) {
      learnt_ = false;
      connection_ = connect(site_, wait);
    }
    learn(table, wait);
    return start(chunk, plan, known, wait);
  });
}

void PostgresChunkWriter::write(std::span<const std::byte> rows, const Wait& wait) {
  guarded([&] {
    counts_.bytes += rows.size();
    connection_->copy_write({reinterpret_cast<const char*>(rows.data()), rows.size()}, wait);
  });
}

CopyCounts PostgresChunkWriter::finish(const Wait& wait) {
  return guarded([&] {
    if (form_ == CopyForm::binary) connection_->copy_write(binary_copy_trailer(), wait);
    counts_.rows = connection_->copy_finish(wait);
    copying_ = false;
    if (!staging_.empty()) {
      connection_->run("INSERT INTO " + name_ + " (" + columns_ + ") OVERRIDING SYSTEM VALUE SELECT " + columns_ +
                           " FROM " + staging_ + " ON CONFLICT" + arbiter_ + " DO NOTHING",
                       wait);
    }
    write_chunk(*connection_, site_, chunk_, counts_, wait);
    verified_.commit(*connection_, table_.target_name, wait);
    return counts_;
  });
}

}  // namespace peerd::pgtarget
