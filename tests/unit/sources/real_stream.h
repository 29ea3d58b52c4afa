#pragma once

#include "peerd/base/text.h"
#include "real_source.h"

// A stream on the server of real_source.h, read into lines.
namespace peerd {

using Got = ChangeStream::Got;

class RealStream : public RealSource {
 protected:
  void open(const std::vector<MirrorTable>& tables) {
    stream_ = source().open_stream(start_, tables, shaped_at_, wait_);
  }
  /// Reads until the stream has passed what is committed now, and says each change as a line; shapes and parts too.
  std::string read() {
    const Lsn end = source().insert_position(wait_);
    sql("SELECT pg_logical_emit_message(true, 'test', '')");
    std::string text;
    while (builder_.complete_to() <= end) {
      wait_.check("reading the stream");
      const Got got = stream_->read(builder_, Wait::at_most(200ms));
      if (got == Got::part) text += "part\n";
      if (got == Got::shape) {
        text += take();
        const NewShape shape = stream_->new_shape(wait_);
        const MirrorTable& table = shape.table;
        notes_ = table.notes;
        if (!shape.words.empty()) words_.push_back(shape.words);
        if (shape.commit == Lsn{}) continue;
        shaped_ = table;
        shaped_commit_ = shape.commit;
        text += "shape:";
        for (const Column& column : table.schema.columns) {
          text +=
              " " + column.name + " " + column.type_name + (column.missing_value ? "=" + *column.missing_value : "");
        }
        text += "\n";
      }
    }
    return text + take();
  }
  std::string take() {
    const auto batch = builder_.take();
    std::string text;
    for (const ChangeView& change : batch->changes()) {
      EXPECT_GT(change.version.commit, start_);
      EXPECT_LE(change.version.change, change.version.commit);
      text += std::string(1, "iudt"[static_cast<int>(change.kind)]) + " " + batch->tables()[change.table].schema.name +
              cells(change.row);
      if (!change.old_key.empty()) text += " was" + cells(change.old_key);
      if (!change.old_row.empty()) text += " old" + cells(change.old_row);
      if (change.kind == ChangeView::Kind::remove) rows_.erase(std::string(change.row[0].bytes));
      else if (change.kind != ChangeView::Kind::truncate) rows_[std::string(change.row[0].bytes)] = cells(change.row);
      text += "\n";
    }
    return text;
  }
  static std::string cells(std::span<const CellView> row) {
    std::string text;
    for (const CellView& cell : row) {
      text += " ";
      if (cell.kind == CellView::Kind::null) text += "null";
      if (cell.kind == CellView::Kind::unchanged) text += "same";
      if (cell.kind == CellView::Kind::text)
        text += cell.bytes.size() > 100 ? std::to_string(cell.bytes.size()) + "B" : std::string(cell.bytes);
    }
    return text;
  }
  ErrorText error() {
    try {
      const std::string text = read();
      ADD_FAILURE() << "no error but:\n" << text;
    } catch (const Error& error) {
      return error.text;
    }
    return {};
  }
  /// What is noticed by looking, though the stream tells nothing of it. `text`: what came before.
  ErrorText error_in_time(std::string& text) {
    try {
      for (;;) text += read();
    } catch (const Error& error) {
      text += take();
      return error.text;
    }
  }
  static constexpr const char* kBig = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 4000) i)";

  /// public.t as the source shows it, in the form of rows_.
  std::map<std::string, std::string> shown() {
    const auto result = sql("SELECT * FROM public.t");
    std::map<std::string, std::string> rows;
    for (int row = 0; row < result.rows(); ++row) {
      std::string& text = rows[result.string(row, 0)];
      for (int i = 0; i < result.columns(); ++i) text += " " + (result.null(row, i) ? "null" : result.string(row, i));
    }
    return rows;
  }
  /// All of it comes again, the row `first` and one of key 7, to a mirror that has stored the last shape: none is told of.
  void expect_all_again(const std::string& first, const std::string& change) {
    stream_.reset();
    builder_ = BatchBuilder();
    shaped_at_ = shaped_commit_;
    shaped_.notes = notes_;
    open({shaped_});
    const std::string again = read();
    EXPECT_EQ(again.find("shape:"), std::string::npos) << change << again;
    EXPECT_NE(again.find("i t 7 "), std::string::npos) << change << again;
    EXPECT_NE(again.find(first), std::string::npos) << change << again;
    shaped_commit_ = Lsn{};
  }
  /// A slot, a source and a stream of its own for each of several cases in one test.
  void open_anew() {
    wait_ = Wait::at_most(90s);
    stream_.reset();
    if (source_) source().drop(true, wait_);
    lease_.uuid[0] = static_cast<char>('a' + (lease_.uuid[0] + 1) % 6);
    source_.reset();
    builder_ = BatchBuilder();
    tables_ = set_up();
    open(tables_);
  }

  std::unique_ptr<ChangeStream> stream_;
  BatchBuilder builder_;
  std::vector<MirrorTable> tables_;
  std::map<std::string, std::string> rows_;  ///< By the first column: what the changes leave.
  CatalogNotes notes_;              ///< Those that were last handed out.
  MirrorTable shaped_;              ///< The last new shape, and
  Lsn shaped_commit_;               ///< where it came.
  std::vector<std::string> words_;  ///< What the operator is told.
};

}  // namespace peerd
