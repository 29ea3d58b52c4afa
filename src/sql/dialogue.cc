#include "dialogue.h"

#include <atomic>

#include "local_select.h"
#include "parser.h"
#include "peer_select.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

constexpr std::size_t kFlushAt = 32 << 10;
constexpr std::size_t kMostPrepared = 1000;
constexpr std::size_t kMostKept = 32u << 20;  // Bytes of statements and parameters that one connection leaves here,
constexpr std::size_t kMostKeptByAll = 256u << 20;  // and all of them.

std::atomic<std::size_t> kept_by_all{0};
constexpr std::chrono::hours kLongest{24};  // Of a query without statement_timeout: until its client goes.

bool is_extended(char type) { return std::string_view("PBDEC").find(type) != std::string_view::npos; }

}  // namespace

std::stop_token StatementStop::begin() {
  std::stop_source fresh;
  {
    const Lock lock(mutex_);
    current_ = fresh;
  }
  if (gone()) fresh.request_stop();
  return fresh.get_token();
}

void StatementStop::cancel() {
  std::stop_source running(std::nostopstate);
  {
    const Lock lock(mutex_);
    running = current_;
  }
  running.request_stop();  // Without the lock: it runs callbacks.
}

/// Encodes results into the output and lets them go when enough has gathered.
class Dialogue::Writer final : public ResultWriter {
 public:
  enum class Describe { yes, no };  ///< The simple protocol describes by itself.
  Writer(Dialogue& dialogue, std::span<const std::int16_t> formats, Describe describe)
      : dialogue_(dialogue), formats_(formats), describe_(describe) {}

  void columns(std::span<const ResultColumn> columns) override {
    columns_.assign(columns.begin(), columns.end());
    if (formats_.size() > 1 && formats_.size() != columns_.size()) {
      throw StatementError("08P01", "bind message has " + std::to_string(formats_.size()) +
                                        " result formats but query has " + std::to_string(columns_.size()) +
                                        " columns");
    }
    if (describe_ == Describe::yes) dialogue_.out_.row_description(columns_, formats_);
  }

  void row(Cells cells) override {
    auto& out = dialogue_.out_;
    const std::size_t before = out.bytes.size();
    try {
      out.begin_row(cells.size());
      for (std::size_t i = 0; i < cells.size(); ++i) {
        if (cells[i] && i < columns_.size() && format_of(formats_, i) == 1) {
          out.cell(encode_binary(columns_[i].type, *cells[i]));
        } else {
          out.cell(cells[i]);
        }
      }
      out.end_row();
    } catch (...) {
      out.bytes.resize(before);  // Half a row must not go out.
      throw;
    }
    dialogue_.flush_when_large();
  }

  void notice(const Report& notice) override { dialogue_.out_.report('N', notice); }
  void parameter_status(std::string_view name, std::string_view value) override {
    dialogue_.out_.parameter_status(name, value);
  }

 private:
  Dialogue& dialogue_;
  std::span<const std::int16_t> formats_;
  Describe describe_;
  std::vector<ResultColumn> columns_;
};

Dialogue::Kept::Kept(std::size_t& own, std::size_t size) : own_(own), size_(size) {
  const bool fits = own_ + size_ <= kMostKept;
  own_ += size_;
  if (kept_by_all.fetch_add(size_) + size_ <= kMostKeptByAll && fits) return;
  release();
  throw StatementError("53200",
                       fits ? "prepared statements and portals of all connections take too much memory"
                            : "prepared statements and portals take too much memory on one connection",
                       "DEALLOCATE what is not needed any more, or shorten the statements");
}

void Dialogue::Kept::release() {
  own_ -= size_;
  kept_by_all -= size_;
}

Dialogue::Dialogue(SqlDeps& deps, net::Connection& connection, StatementStop& stop, SessionFacts facts,
                   Settings settings)
    : deps_(deps),
      connection_(connection),
      stop_(stop),
      context_{deps, std::move(facts), std::move(settings), 'I', false, {}, {}} {
  context_.facts.setting = [this](const std::string& name) { return context_.settings.get(name); };
  context_.facts.settings = [this] { return context_.settings.all(); };
  context_.forget_prepared = [this](const std::string& name) { return prepared_.erase(name) > 0; };
  context_.forget_all_prepared = [this] { prepared_.clear(); };
}

void Dialogue::flush() {
  if (out_.bytes.empty()) return;
  connection_.send(std::move(out_.bytes));
  out_.bytes.clear();
}

void Dialogue::flush_when_large() {
  if (out_.bytes.size() >= kFlushAt) flush();
}

Wait Dialogue::statement_wait() {
  const std::chrono::milliseconds most = context_.settings.statement_timeout();
  return Wait::at_most(most.count() > 0 && most < kLongest ? most : kLongest, stop_.begin());
}

void Dialogue::report_error(std::string_view query) {
  try {
    throw;
  } catch (const Stopped&) {
    if (stop_.gone()) throw;
    Report cancelled;
    cancelled.sqlstate = "57014";
    cancelled.message = "canceling statement due to user request";
    out_.report('E', cancelled);
  } catch (...) {
    out_.report('E', current_report(query));
  }
  if (context_.transaction == 'T') context_.transaction = 'E';
}

Dialogue::Next Dialogue::handle(const Frame& frame) {
  if (skip_to_sync_ && frame.type != 'S' && frame.type != 'X') return Next::go_on;
  query_.clear();
  try {
    return dispatch(frame);
  } catch (...) {
    report_error(query_);
  }
  if (is_extended(frame.type)) {
    skip_to_sync_ = true;
  } else {
    out_.ready(context_.transaction);
  }
  flush();
  return Next::go_on;
}

Dialogue::Next Dialogue::dispatch(const Frame& frame) {
  const FieldReader reader(frame.body);
  switch (frame.type) {
    case 'Q':
      simple_query(frame.body);
      break;
    case 'P':
      parse(reader);
      break;
    case 'B':
      bind(reader);
      break;
    case 'D':
      describe(reader);
      break;
    case 'E':
      execute(reader);
      break;
    case 'C':
      close(reader);
      break;
    case 'S':
      sync();
      break;
    case 'H':
      flush();
      break;
    case 'F':
      throw not_supported("function calls by their number are not supported", "SELECT instead");
    case 'd':
    case 'c':
    case 'f':
      break;  // The rest of a COPY that was refused.
    case 'X':
      return Next::close;
    default: {
      Report fatal;
      fatal.severity = "FATAL";
      fatal.sqlstate = "08P01";
      fatal.message = "invalid frontend message type " + std::to_string(static_cast<unsigned char>(frame.type));
      out_.report('E', fatal);
      return Next::close;
    }
  }
  return Next::go_on;
}

void Dialogue::reject(const Frame& frame) {
  Report busy;
  busy.sqlstate = "53300";
  busy.message = "too many statements wait for a thread";
  busy.hint = "try again when fewer run";
  if (frame.type == 'Q') {
    out_.report('E', busy);
    out_.ready(context_.transaction);
  } else if (frame.type == 'S') {
    sync();
  } else if (is_extended(frame.type) && !skip_to_sync_) {
    out_.report('E', busy);
    skip_to_sync_ = true;
  }
}

void Dialogue::sync() {
  skip_to_sync_ = false;
  if (context_.transaction == 'I') portals_.clear();
  out_.ready(context_.transaction);
  flush();
}

/// A failed transaction takes nothing but its end.
void Dialogue::check_transaction(const Statement& statement) const {
  if (context_.transaction != 'E') return;
  using Kind = TransactionStatement::Kind;
  const auto* transaction = std::get_if<TransactionStatement>(&statement);
  if (transaction && transaction->kind != Kind::begin && transaction->kind != Kind::savepoint) return;
  throw StatementError("25P02", "current transaction is aborted, commands ignored until end of transaction block");
}

void Dialogue::simple_query(std::string_view body) {
  FieldReader reader(body);
  query_ = reader.text();
  reader.expect_end();
  if (!valid_utf8(query_)) throw StatementError("22021", "invalid byte sequence for encoding \"UTF8\"");
  prepared_.erase("");  // As in Postgres, a simple query ends the unnamed statement and portal.
  portals_.erase("");
  const auto tokens = tokenize(query_);
  const auto statements = split_statements(tokens);
  if (statements.empty()) out_.plain('I');
  for (const auto& statement : statements) run_one(query_, statement);
  out_.ready(context_.transaction);
  flush();
}

void Dialogue::run_one(const std::string& sql, std::span<const Token> tokens) {
  if (highest_parameter(tokens) > 0) {
    for (const auto& token : tokens) {
      if (token.kind != Token::Kind::parameter) continue;
      throw StatementError("42P02", "there is no parameter $" + token.text, {}, token.begin);
    }
  }
  const Statement statement = parse_statement(tokens);
  check_transaction(statement);
  const Wait wait = statement_wait();
  Writer writer(*this, {}, Writer::Describe::yes);
  const auto runnable = make_runnable(sql, tokens, statement, {});
  const auto tag = runnable->run(writer, 0, wait);
  out_.complete(tag.value_or(""));
}

std::unique_ptr<Runnable> Dialogue::make_runnable(const std::string& sql, std::span<const Token> tokens,
                                                  const Statement& statement, std::span<const Parameter> parameters) {
  if (const auto* show = std::get_if<ShowView>(&statement)) {
    const auto query = tokenize(show->query);
    const auto local = views(deps_.peers, deps_.mirrors, deps_.catalog);
    return make_local_select(local, split_statements(query).front(), {}, context_.facts);
  }
  if (!std::holds_alternative<QueryStatement>(statement)) {
    const Statement whole = parameters.empty() ? statement : parse_statement(tokens, parameters);
    const auto* execute = std::get_if<ExecuteOnPeer>(&whole);
    return execute ? make_peer_execute(deps_.peers, execute->peer, execute->text) : make_command(whole, context_);
  }
  if (const Token* write = find_write(tokens)) {
    throw not_supported("a query that writes or locks is not supported", "a SELECT here only reads", write->begin);
  }
  const auto relations = find_relations(tokens);
  const auto local = views(deps_.peers, deps_.mirrors, deps_.catalog);
  const auto peer = peer_of(tokens, relations, deps_.peers, local);
  if (!peer) return make_local_select(local, tokens, parameters, context_.facts);
  const std::string kind = deps_.peers.get(*peer).kind;
  return make_peer_select(deps_.peers, *peer, peer_text(sql, tokens, relations, *peer, parameters, kind));
}

void Dialogue::parse(FieldReader reader) {
  const std::string name(reader.text());
  query_ = reader.text();
  auto prepared = std::make_shared<Prepared>();
  const auto count = static_cast<std::uint16_t>(reader.int16());
  for (int i = 0; i < count; ++i) prepared->types.push_back(static_cast<std::uint32_t>(reader.int32()));
  reader.expect_end();
  if (!valid_utf8(query_)) throw StatementError("22021", "invalid byte sequence for encoding \"UTF8\"");
  if (!name.empty() && prepared_.contains(name)) {
    throw StatementError("42P05", "prepared statement \"" + name + "\" already exists");
  }
  if (prepared_.size() >= kMostPrepared) {
    throw StatementError("53400", "too many prepared statements on one connection", "DEALLOCATE ALL");
  }
  prepared->sql = query_;
  prepared->kept.emplace_back(
      std::make_unique<Kept>(kept_, query_.size() + prepared->types.size() * sizeof(std::uint32_t)));
  const auto tokens = tokenize(query_);
  const auto statements = split_statements(tokens);
  if (statements.size() > 1) {
    throw StatementError("42601", "cannot insert multiple commands into a prepared statement", {},
                         statements[1].front().begin);
  }
  if (statements.size() == 1) {
    prepared->kept.emplace_back(std::make_unique<Kept>(kept_, query_.size() + statements[0].size() * sizeof(Token)));
    prepared->tokens.assign(statements[0].begin(), statements[0].end());
    prepared->statement = parse_statement(prepared->tokens);
    check_transaction(*prepared->statement);
    set_parameter_types(*prepared);
  }
  prepared_.insert_or_assign(name, std::move(prepared));
  out_.plain('1');
}

/// Types of parameters that the client left open: of their use in a query of views. In a query of a peer they are the
/// peer's to find out, and are told as text.
void Dialogue::set_parameter_types(Prepared& prepared) {
  const std::size_t count = highest_parameter(prepared.tokens);
  prepared.types.resize(std::max(prepared.types.size(), count), oid::kUnknown);
  if (count > 0 && std::holds_alternative<QueryStatement>(*prepared.statement)) {
    const auto local = views(deps_.peers, deps_.mirrors, deps_.catalog);
    if (!peer_of(prepared.tokens, find_relations(prepared.tokens), deps_.peers, local)) {
      prepared.types = parameter_types(local, prepared.tokens, prepared.types, context_.facts);
    }
  }
  for (auto& type : prepared.types) {
    if (type == oid::kUnknown || type == oid::kUnknownText) type = oid::kText;
  }
}

std::shared_ptr<const Dialogue::Prepared> Dialogue::find_prepared(std::string_view name) const {
  const auto found = prepared_.find(name);
  if (found != prepared_.end()) return found->second;
  throw StatementError("26000", name.empty() ? "unnamed prepared statement does not exist"
                                             : "prepared statement \"" + std::string(name) + "\" does not exist");
}

std::vector<Parameter> Dialogue::read_parameters(FieldReader& reader, const Prepared& prepared) {
  std::vector<std::int16_t> formats(static_cast<std::uint16_t>(reader.int16()));
  for (auto& format : formats) format = reader.int16();
  const std::size_t count = static_cast<std::uint16_t>(reader.int16());
  if (count != prepared.types.size()) {
    throw StatementError("08P01", "bind message supplies " + std::to_string(count) +
                                      " parameters, but the statement requires " +
                                      std::to_string(prepared.types.size()));
  }
  if (formats.size() > 1 && formats.size() != count) {
    throw StatementError("08P01", "bind message has " + std::to_string(formats.size()) + " parameter formats but " +
                                      std::to_string(count) + " parameters");
  }
  std::vector<Parameter> parameters;
  for (std::size_t i = 0; i < count; ++i) {
    Parameter parameter{prepared.types[i], std::nullopt};
    if (const std::int32_t length = reader.int32(); length >= 0) {
      const auto bytes = reader.bytes(static_cast<std::size_t>(length));
      parameter.text = format_of(formats, i) == 1 ? decode_binary(parameter.type, bytes) : std::string(bytes);
      if (!valid_utf8(*parameter.text) || parameter.text->find('\0') != std::string::npos) {
        throw StatementError("22021",
                             "invalid byte sequence for encoding \"UTF8\" in parameter $" + std::to_string(i + 1));
      }
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

void Dialogue::bind(FieldReader reader) {
  const std::string portal_name(reader.text());
  Portal portal;
  portal.prepared = find_prepared(reader.text());
  query_ = portal.prepared->sql;
  // Made a runnable, a statement takes some times its own size; a peer's holds the parameters too.
  portal.kept = std::make_unique<Kept>(kept_, reader.rest().size() + portal.prepared->tokens.size() * sizeof(Token));
  const auto parameters = read_parameters(reader, *portal.prepared);
  portal.formats.resize(static_cast<std::uint16_t>(reader.int16()));
  for (auto& format : portal.formats) format = reader.int16();
  reader.expect_end();
  if (!portal_name.empty() && portals_.contains(portal_name)) {
    throw StatementError("42P03", "cursor \"" + portal_name + "\" already exists");
  }
  if (portals_.size() >= kMostPrepared)
    throw StatementError("53400", "too many portals on one connection", "close some");
  if (portal.prepared->statement) {
    check_transaction(*portal.prepared->statement);
    portal.runnable = make_runnable(query_, portal.prepared->tokens, *portal.prepared->statement, parameters);
  }
  portals_.insert_or_assign(portal_name, std::move(portal));
  out_.plain('2');
}

void Dialogue::describe(FieldReader reader) {
  const char what = reader.byte();
  const auto name = reader.text();
  reader.expect_end();
  if (what == 'S') {
    const auto prepared = find_prepared(name);
    query_ = prepared->sql;
    out_.parameter_description(prepared->types);
    std::vector<ResultColumn> columns;
    if (prepared->statement) {
      std::vector<Parameter> unknown;
      for (const auto type : prepared->types) unknown.push_back({type, std::nullopt});
      const bool query = std::holds_alternative<QueryStatement>(*prepared->statement);
      columns =
          make_runnable(query_, prepared->tokens, *prepared->statement, query ? unknown : std::vector<Parameter>())
              ->columns(statement_wait());
    }
    return columns.empty() ? out_.plain('n') : out_.row_description(columns, {});
  }
  const auto found = portals_.find(name);
  if (what != 'P' || found == portals_.end()) {
    throw StatementError("34000", "portal \"" + std::string(name) + "\" does not exist");
  }
  Portal& portal = found->second;
  query_ = portal.prepared->sql;
  const auto columns = portal.runnable ? portal.runnable->columns(statement_wait()) : std::vector<ResultColumn>();
  if (columns.empty()) return out_.plain('n');
  if (portal.formats.size() > 1 && portal.formats.size() != columns.size()) {
    throw StatementError("08P01", "bind message has another number of result formats than the query has columns");
  }
  out_.row_description(columns, portal.formats);
}

void Dialogue::execute(FieldReader reader) {
  const auto name = reader.text();
  const std::int32_t most = reader.int32();
  reader.expect_end();
  const auto found = portals_.find(name);
  if (found == portals_.end()) throw StatementError("34000", "portal \"" + std::string(name) + "\" does not exist");
  Portal& portal = found->second;
  query_ = portal.prepared->sql;
  if (!portal.runnable) return out_.plain('I');
  if (portal.finished) throw StatementError("55000", "portal \"" + std::string(name) + "\" cannot be run anymore");
  check_transaction(*portal.prepared->statement);
  Writer writer(*this, portal.formats, Writer::Describe::no);
  const auto tag = portal.runnable->run(writer, most > 0 ? static_cast<std::uint64_t>(most) : 0, statement_wait());
  if (!tag) return out_.plain('s');
  portal.finished = true;
  out_.complete(*tag);
}

void Dialogue::close(FieldReader reader) {
  const char what = reader.byte();
  const auto name = reader.text();
  reader.expect_end();
  if (what == 'S') {
    if (const auto found = prepared_.find(name); found != prepared_.end()) prepared_.erase(found);
  } else if (const auto found = portals_.find(name); found != portals_.end()) {
    portals_.erase(found);
  }
  out_.plain('3');
}

}  // namespace peerd::sql
