#include "arguments.h"

#include <vector>

#include "peerd/base/error.h"

namespace peerd::daemon {
namespace {

/// The words of the command line, one after the other.
class Words {
 public:
  Words(int count, char** values) : words_(values + 1, values + count) {}
  bool next(std::string& word) {
    if (at_ == words_.size()) return false;
    word = words_[at_++];
    return true;
  }
  /// What follows `word`, or stands behind its "=".
  std::string operand(const std::string& word, const std::string& what) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos) return word.substr(equals + 1);
    if (at_ == words_.size())
      throw Error(ErrorCode::invalid_option, word + " needs " + what, "peerd --help tells more");
    return words_[at_++];
  }

 private:
  std::vector<std::string> words_;
  std::size_t at_ = 0;
};

bool is_flag(const std::string& word, const std::string& flag) { return word == flag || word.starts_with(flag + "="); }

}  // namespace

Arguments parse_arguments(int count, char** values) {
  using Verb = cli::Command::Verb;
  Arguments arguments;
  Words words(count, values);
  for (std::string word; words.next(word);) {
    if (word == "--help" || word == "-h") arguments.help = true;
    else if (word == "--version" || word == "-V") arguments.version = true;
    else if (word == "--healthcheck") arguments.healthcheck = true;
    else if (word == "--prune") arguments.prune = true;
    else if (is_flag(word, "--config")) arguments.config = words.operand(word, "a file");
    else if (is_flag(word, "--url")) arguments.url = words.operand(word, "a URL");
    else if (word == "backup") arguments.backup = words.operand(word, "a directory");
    else if (word == "plan") arguments.command = {Verb::plan, words.operand(word, "a file")};
    else if (word == "apply") arguments.command = {Verb::apply, words.operand(word, "a file")};
    else if (word == "export") arguments.command = {Verb::export_};
    else throw Error(ErrorCode::invalid_option, "unknown argument \"" + word + "\"", "peerd --help lists them");
  }
  if (arguments.prune && (!arguments.command || arguments.command->verb == Verb::export_))
    throw Error(ErrorCode::invalid_option, "--prune belongs to plan and apply");
  if (!arguments.url.empty() && !arguments.command)
    throw Error(ErrorCode::invalid_option, "--url belongs to plan, apply and export");
  if (arguments.command) arguments.command->prune = arguments.prune;
  return arguments;
}

}  // namespace peerd::daemon
