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
auto PostgresChunkWriter::guarded(const Wait& wait, Work work) {
  const auto give_up = [this] {
    connection_.reset();
    learnt_ = copying_ = false;
  };
  try {
    return work();
  } catch (Error& error) {
    try {
      if (connection_) verified_.refuse_firing(*connection_, site_, {&table_, 1}, error, wait);
    } catch (...) {
      give_up();
      throw;
    }
    give_up();
    explain(error, site_, table_);
    throw;
  } catch (...) {
    give_up();
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
                "RESYNC TABLE " + table.schema.qualified() + " OF the mirror copies it anew");
  }
  if (const auto refused = stricter_than_source(site_, table, name.quoted(), standing.rules)) throw Error(refused->text);
  name_ = name.quoted();
  shape_ = shape_of(site_, name, table, standing);
  has_key_ = key_index(table.schema, standing) != nullptr;
  std::vector<std::string> columns;
  for (const Column& column : table.schema.columns) columns.push_back(quote_identifier(column.name));
  columns_ = join(columns, ", ");
  staging_.clear();
  if (!standing.rules.empty()) {
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
  return guarded(wait, [&] {
    if (copying_) {  // The chunk before was abandoned.
      connection_->copy_fail("the chunk was abandoned", wait);
      connection_->run("ROLLBACK", wait);
      copying_ = false;
    }
    if (!connection_ || connection_->broken()) {
      learnt_ = false;
      connection_ = connect(site_, wait);
      Verified::prepare(*connection_, wait);
    }
    learn(site_.here(table), wait);
    return start(chunk, plan, known, wait);
  });
}

void PostgresChunkWriter::write(std::span<const std::byte> rows, const Wait& wait) {
  guarded(wait, [&] {
    counts_.bytes += rows.size();
    connection_->copy_write({reinterpret_cast<const char*>(rows.data()), rows.size()}, wait);
  });
}

/// What the target left out for any other reason than that a row of its key stands, it would leave out in silence.
void PostgresChunkWriter::throw_left_out(std::uint64_t absent) const {
  throw Error(ErrorText{.code = ErrorCode::target_unfit,
                        .message = "target table " + name_ + " left out " + std::to_string(absent) +
                                   " of the rows that were copied into it",
                        .detail = "a trigger or a rule of the table answers an insert with nothing",
                        .hint = "drop what keeps rows out of " + name_ + " at the target, then RESUME MIRROR",
                        .field = {},
                        .table = table_.schema.qualified(),
                        .origin = {},
                        .retry = Retry::after_operator});
}

/// Staged rows of whose key no row stands, though `inserted` were let in.
std::uint64_t PostgresChunkWriter::count_absent(std::uint64_t inserted, const Wait& wait) {
  if (inserted == counts_.rows || shape_.key.empty()) return counts_.rows - inserted;
  std::vector<std::string> same;
  for (const auto& [column, equal] : shape_.key) {
    const std::string& name = shape_.columns[column];
    same.push_back("t." + name + equal.op + "s." + name + equal.collate);
  }
  const std::string count = "SELECT count(*) FROM " + staging_ + " s WHERE NOT EXISTS (SELECT 1 FROM " + shape_.rows +
                            " t WHERE " + join(same, " AND ") + ")";
  return static_cast<std::uint64_t>(connection_->run(count, wait).integer(0, 0));
}

void PostgresChunkWriter::throw_repeated_key(const Error& error) const {
  ErrorText text = error.text;
  text.code = ErrorCode::source_unfit;
  text.message = "the query returned two rows of one key (" + join(quoted_key(table_.schema), ", ") + ") in one range";
  text.hint = "let it return one: SELECT DISTINCT ON, GROUP BY, or more unique_key_columns; then DROP MIRROR and CREATE MIRROR";
  text.retry = Retry::after_operator;
  throw Error(std::move(text));
}

/// A row whose key stands is of a moment that another chunk has read; of a query it is what was copied before.
std::string PostgresChunkWriter::on_conflict() const {
  if (!has_key_) return "";
  std::vector<std::string> set;
  for (std::size_t i = 0; i < table_.schema.columns.size(); ++i) {
    const std::string& name = shape_.columns[i];
    if (std::ranges::find(table_.schema.key, i) == table_.schema.key.end()) set.push_back(name + " = excluded." + name);
  }
  if (!shape_.synced_at.empty()) set.push_back(shape_.synced_at + " = now()");
  const bool updates = site_.query == QueryMode::upsert && !set.empty();
  return " ON CONFLICT (" + join(quoted_key(table_.schema), ", ") + ") DO " + (updates ? "UPDATE SET " + join(set, ", ") : "NOTHING");
}

// A row that clashes with one of the chunk's under another key was read at another moment: the source never held both.
// Between the two moments both have changed, after the start and at or below the horizon, so the stream brings whole rows
// of both: whichever is left out here comes back. The standing one goes, for that is one statement. Two chunks at once
// can meet so again and again, though not for long: each waits for the other's end. And a row that stood in the way of
// one of the same key may have gone so before it is looked for: none is left out for that, once more is.
void PostgresChunkWriter::insert_staged(const Wait& wait) {
  constexpr int kMostTries = 20, kMostShort = 5;
  const std::string insert = "INSERT INTO " + name_ + " (" + columns_ + ") OVERRIDING SYSTEM VALUE SELECT " + columns_ +
                             " FROM " + staging_ + on_conflict();
  // What is checked at the commit, or not at all, is not waited for.
  bool make_room = std::ranges::any_of(shape_.clashes, &Clash::deferrable);
  for (int tries = 1, fell_short = 0;; ++tries) {
    for (const Clash& clash : shape_.clashes) {
      if (make_room)
        connection_->run(delete_clashing(shape_, clash, rows_of(shape_, staging_), ClashWith::any_row), wait);
    }
    connection_->run("SAVEPOINT peerd_chunk", wait);
    try {
      const std::uint64_t absent = count_absent(connection_->run(insert, wait).affected(), wait);
      if (absent == 0) return;
      if (++fell_short == kMostShort) throw_left_out(absent);
    } catch (const Error& error) {
      if (error.text.origin == "21000") throw_repeated_key(error);
      if (!is_clash(error)) throw;
      if (shape_.clashes.empty() || tries == kMostTries) throw_clash(error, name_);
      make_room = true;
    }
    connection_->run("ROLLBACK TO SAVEPOINT peerd_chunk; RELEASE SAVEPOINT peerd_chunk", wait);
  }
}

/// Straight into the table nothing clashes, unless an index has come since: the next try sees it.
std::uint64_t PostgresChunkWriter::end_copy(const Wait& wait) {
  try {
    return connection_->copy_finish(wait);
  } catch (Error& error) {
    if (is_clash(error)) error.text.retry = Retry::later;
    throw;
  }
}

CopyCounts PostgresChunkWriter::finish(const Wait& wait) {
  return guarded(wait, [&] {
    if (form_ == CopyForm::binary) connection_->copy_write(binary_copy_trailer(), wait);
    counts_.rows = end_copy(wait);
    copying_ = false;
    if (!staging_.empty()) insert_staged(wait);
    write_chunk(*connection_, site_, chunk_, counts_, wait);
    // Of rounds that are over the catalog knows, and no try comes back to them.
    if (site_.query) erase_chunks_before(*connection_, site_, chunk_, wait);
    verified_.commit(*connection_, site_, {&table_, 1}, Verified::Commit::flushed, wait);
    return counts_;
  });
}

}  // namespace peerd::pgtarget
