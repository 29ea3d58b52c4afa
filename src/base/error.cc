#include "peerd/base/error.h"

#include <exception>

#include "peerd/base/clock.h"
#include "peerd/base/problems_error.h"

namespace peerd {
namespace {

void add_line(std::string& text, std::string_view line) {
  if (line.empty() || text.find(line) != std::string::npos) return;
  if (!text.empty()) text += '\n';
  text += line;
}

void add_causes(const std::exception& error, std::string& detail) {
  try {
    std::rethrow_if_nested(error);
  } catch (const Stopped&) {
    throw;
  } catch (const Error& cause) {
    add_line(detail, cause.text.message);
    add_line(detail, cause.text.detail);
    add_causes(cause, detail);
  } catch (const std::exception& cause) {
    add_line(detail, cause.what());
    add_causes(cause, detail);
  } catch (...) {
    add_line(detail, "unknown cause");
  }
}

}  // namespace

void throw_if_any(const Problems& problems) {
  if (problems.empty()) return;
  ErrorText text = problems.front().text;
  std::string cures;
  for (const Problem& problem : problems) {
    add_line(cures, problem.text.hint);
    add_line(cures, problem.cure_sql);
    if (&problem == &problems.front()) continue;
    add_line(text.detail, problem.text.message);
    add_line(text.detail, problem.text.detail);
  }
  text.hint = std::move(cures);
  if (problems.size() > 1) throw ProblemsError(std::move(text), problems);
  throw Error(std::move(text));
}

ErrorText current_error() {
  try {
    throw;
  } catch (const Stopped&) {
    throw;
  } catch (const Error& error) {
    ErrorText text = error.text;
    add_causes(error, text.detail);
    return text;
  } catch (const std::exception& error) {
    ErrorText text;
    text.message = error.what();
    add_causes(error, text.detail);
    return text;
  } catch (...) {
    ErrorText text;
    text.message = "unknown failure";
    return text;
  }
}

}  // namespace peerd
