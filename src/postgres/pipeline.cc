#include "peerd/postgres/pipeline.h"

#include "connection_state.h"

namespace peerd::postgres {

Pipeline::Pipeline(Connection& connection) : connection_(connection) {
  connection_.state_->started(PQenterPipelineMode(connection_.state_->connection.get()));
}

Pipeline::~Pipeline() {
  if (!finished_) connection_.state_->abandon();
}

void Pipeline::run(const std::string& sql, std::span<const char* const> parameters) {
  Connection::State& state = *connection_.state_;
  state.started(PQsendQueryParams(state.connection.get(), sql.c_str(), static_cast<int>(parameters.size()), nullptr,
                                  parameters.data(), nullptr, nullptr, 0));
  ++sent_;
}

void Pipeline::run_prepared(const std::string& name, std::span<const char* const> parameters) {
  Connection::State& state = *connection_.state_;
  state.started(PQsendQueryPrepared(state.connection.get(), name.c_str(), static_cast<int>(parameters.size()),
                                    parameters.data(), nullptr, nullptr, 0));
  ++sent_;
}

void Pipeline::finish(std::vector<std::uint64_t>& affected, const Wait& wait) {
  Connection::State& state = *connection_.state_;
  state.started(PQpipelineSync(state.connection.get()));
  std::optional<ServerError> error;
  for (std::size_t i = 0; i < sent_; ++i) {
    PGresult* raw = state.next(wait);
    if (raw == nullptr) state.lost();
    const Result result(raw);
    if (failed(raw) && !error) error = error_of(raw);
    if (!error) affected.push_back(result.affected());
    if (PGresult* more = state.next(wait)) {  // A null ends each statement's answer.
      PQclear(more);
      state.lost();
    }
  }
  const Result end(state.next(wait));
  if (PQexitPipelineMode(state.connection.get()) != 1) state.lost();
  finished_ = true;
  if (error) throw *error;
}

}  // namespace peerd::postgres
