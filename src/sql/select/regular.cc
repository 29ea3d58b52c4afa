#include <algorithm>
#include <vector>

#include "patterns.h"
#include "statement_error.h"

namespace peerd::sql {

/// Thompson's automaton: states that read one character, or split.
struct Pattern::Program {
  struct Range {
    char32_t first, last;
  };
  struct State {
    enum class Kind { read, split, begin, end, match } kind;
    std::size_t next = 0, other = 0;
    std::vector<Range> ranges;
    bool negated = false;
  };
  std::vector<State> states;
  std::size_t start = 0;
  bool ignore_case = false;
};

namespace {

constexpr std::size_t kMostStates = 20'000;

/// A regular expression as read.
struct Tree {
  enum class Kind { empty, read, begin, end, sequence, choice, repeat } kind = Kind::empty;
  std::vector<std::pair<char32_t, char32_t>> ranges;
  bool negated = false;
  std::vector<Tree> parts;
  int least = 0, most = -1;
};

class PatternReader {
 public:
  explicit PatternReader(std::u32string text) : text_(std::move(text)) {}

  Tree whole() {
    if (text_.starts_with(U"***") || text_.starts_with(U"(?")) unknown("embedded options");
    Tree tree = choice(0);
    if (at_ < text_.size()) wrong("parentheses () not balanced");
    return tree;
  }

 private:
  [[noreturn]] static void wrong(const char* what) {
    throw StatementError("2201B", std::string("invalid regular expression: ") + what);
  }
  [[noreturn]] static void unknown(const char* what) {
    throw not_supported(std::string(what) + " in a regular expression is not supported", "LIKE may do");
  }
  bool end() const { return at_ >= text_.size(); }
  char32_t peek() const { return end() ? U'\0' : text_[at_]; }

  Tree choice(int depth) {
    if (depth > 100) throw StatementError("54001", "the regular expression is too complex");
    Tree all{Tree::Kind::choice, {}, false, {}, 0, -1};
    all.parts.push_back(sequence(depth));
    while (peek() == U'|' && !end()) {
      ++at_;
      all.parts.push_back(sequence(depth));
    }
    return all.parts.size() == 1 ? std::move(all.parts[0]) : all;
  }

  Tree sequence(int depth) {
    Tree all{Tree::Kind::sequence, {}, false, {}, 0, -1};
    while (!end() && peek() != U'|' && peek() != U')') all.parts.push_back(repeated(depth));
    return all;
  }

  Tree repeated(int depth) {
    Tree one = atom(depth);
    while (!end() && (peek() == U'*' || peek() == U'+' || peek() == U'?' || (peek() == U'{' && counts()))) {
      if (one.kind == Tree::Kind::repeat || one.kind == Tree::Kind::begin || one.kind == Tree::Kind::end)
        wrong("quantifier operand invalid");
      Tree many{Tree::Kind::repeat, {}, false, {}, 0, -1};
      const char32_t c = text_[at_++];
      if (c == U'+') many.least = 1;
      if (c == U'?') many.most = 1;
      if (c == U'{') bounds(many);
      if (peek() == U'?') ++at_;  // Not greedy: which match is found does not matter here.
      many.parts.push_back(std::move(one));
      one = std::move(many);
    }
    return one;
  }

  bool counts() const { return at_ + 1 < text_.size() && text_[at_ + 1] >= U'0' && text_[at_ + 1] <= U'9'; }

  int count() {
    int value = 0, digits = 0;
    for (; peek() >= U'0' && peek() <= U'9'; ++at_, ++digits)
      value = std::min(value * 10 + static_cast<int>(peek() - U'0'), 1000);
    if (digits == 0 || value > 255) wrong("invalid repetition count(s)");
    return value;
  }

  void bounds(Tree& many) {
    many.least = many.most = count();
    if (peek() == U',') {
      ++at_;
      many.most = peek() == U'}' ? -1 : count();
    }
    if (peek() != U'}') wrong("braces {} not balanced");
    ++at_;
    if (many.most >= 0 && many.most < many.least) wrong("invalid repetition count(s)");
  }

  static Tree reads(char32_t c) { return {Tree::Kind::read, {{c, c}}, false, {}, 0, -1}; }

  Tree atom(int depth) {
    const char32_t c = text_[at_++];
    switch (c) {
      case U'(': {
        if (peek() == U'?') {
          if (at_ + 1 >= text_.size() || text_[at_ + 1] != U':') unknown("a lookaround");
          at_ += 2;
        }
        Tree inner = choice(depth + 1);
        if (peek() != U')') wrong("parentheses () not balanced");
        ++at_;
        return {Tree::Kind::sequence, {}, false, {std::move(inner)}, 0, -1};
      }
      case U'[':
        return bracket();
      case U'.':
        return {Tree::Kind::read, {{0, 0x10FFFF}}, false, {}, 0, -1};
      case U'^':
        return {Tree::Kind::begin, {}, false, {}, 0, -1};
      case U'$':
        return {Tree::Kind::end, {}, false, {}, 0, -1};
      case U'*':
      case U'+':
      case U'?':
        wrong("quantifier operand invalid");
      case U'\\':
        return escape();
      default:
        return reads(c);
    }
  }

  Tree escape() {
    if (end()) wrong("invalid escape \\ sequence");
    const char32_t c = text_[at_++];
    Tree read{Tree::Kind::read, {}, false, {}, 0, -1};
    switch (c) {
      case U'd':
      case U'D':
        read.ranges = {{U'0', U'9'}};
        read.negated = c == U'D';
        return read;
      case U's':
      case U'S':
        read.ranges = {{U'\t', U'\r'}, {U' ', U' '}};
        read.negated = c == U'S';
        return read;
      case U'w':
      case U'W':
        read.ranges = {{U'0', U'9'}, {U'A', U'Z'}, {U'a', U'z'}, {U'_', U'_'}};
        read.negated = c == U'W';
        return read;
      case U'n':
        return reads(U'\n');
      case U't':
        return reads(U'\t');
      case U'r':
        return reads(U'\r');
      default:
        if ((c >= U'0' && c <= U'9') || (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z')) unknown("this escape");
        return reads(c);
    }
  }

  Tree bracket() {
    Tree read{Tree::Kind::read, {}, false, {}, 0, -1};
    if (peek() == U'^') {
      read.negated = true;
      ++at_;
    }
    for (bool first = true;; first = false) {
      if (end()) wrong("brackets [] not balanced");
      if (peek() == U']' && !first) break;
      if (peek() == U'[' && at_ + 1 < text_.size() &&
          (text_[at_ + 1] == U':' || text_[at_ + 1] == U'.' || text_[at_ + 1] == U'=')) {
        named_class(read);
        continue;
      }
      char32_t from = text_[at_++];
      if (from == U'\\') {
        const Tree escaped = escape();
        if (escaped.negated) unknown("this escape");
        read.ranges.insert(read.ranges.end(), escaped.ranges.begin(), escaped.ranges.end());
        if (escaped.ranges.size() > 1 || escaped.ranges[0].first != escaped.ranges[0].second) continue;
        from = escaped.ranges[0].first;
        read.ranges.pop_back();
      }
      char32_t to = from;
      if (peek() == U'-' && at_ + 1 < text_.size() && text_[at_ + 1] != U']') {
        ++at_;
        to = text_[at_++];
        if (to == U'\\' || to == U'[') unknown("this range");
        if (to < from) wrong("invalid character range");
      }
      read.ranges.emplace_back(from, to);
    }
    ++at_;
    return read;
  }

  void named_class(Tree& read) {
    static const std::vector<std::pair<std::u32string_view, std::vector<std::pair<char32_t, char32_t>>>> kClasses = {
        {U"[:alpha:]", {{U'A', U'Z'}, {U'a', U'z'}}},
        {U"[:digit:]", {{U'0', U'9'}}},
        {U"[:alnum:]", {{U'0', U'9'}, {U'A', U'Z'}, {U'a', U'z'}}},
        {U"[:space:]", {{U'\t', U'\r'}, {U' ', U' '}}},
        {U"[:upper:]", {{U'A', U'Z'}}},
        {U"[:lower:]", {{U'a', U'z'}}},
        {U"[:xdigit:]", {{U'0', U'9'}, {U'A', U'F'}, {U'a', U'f'}}}};
    for (const auto& [name, ranges] : kClasses) {
      if (!std::u32string_view(text_).substr(at_).starts_with(name)) continue;
      read.ranges.insert(read.ranges.end(), ranges.begin(), ranges.end());
      at_ += name.size();
      return;
    }
    unknown("this character class");
  }

  std::u32string text_;
  std::size_t at_ = 0;
};

}  // namespace

namespace {

template <typename Program>
class Compiler {
 public:
  explicit Compiler(Program& program) : program_(program) {}
  using State = typename Program::State;

  /// The first state of `tree`, behind which `next` goes on.
  std::size_t compile(const Tree& tree, std::size_t next) {
    switch (tree.kind) {
      case Tree::Kind::empty:
        return next;
      case Tree::Kind::read: {
        State state{State::Kind::read, next, 0, {}, tree.negated};
        for (const auto& [first, last] : tree.ranges) state.ranges.push_back({first, last});
        return add(std::move(state));
      }
      case Tree::Kind::begin:
        return add({State::Kind::begin, next, 0, {}, false});
      case Tree::Kind::end:
        return add({State::Kind::end, next, 0, {}, false});
      case Tree::Kind::sequence:
        for (auto part = tree.parts.rbegin(); part != tree.parts.rend(); ++part) next = compile(*part, next);
        return next;
      case Tree::Kind::choice: {
        std::size_t first = compile(tree.parts.back(), next);
        for (std::size_t i = tree.parts.size() - 1; i-- > 0;) {
          const std::size_t other = compile(tree.parts[i], next);
          first = add({State::Kind::split, other, first, {}, false});
        }
        return first;
      }
      case Tree::Kind::repeat:
        return repeat(tree, next);
    }
    return next;
  }

 private:
  std::size_t repeat(const Tree& tree, std::size_t next) {
    const Tree& inner = tree.parts[0];
    if (tree.most < 0) {
      const std::size_t loop = add({State::Kind::split, 0, next, {}, false});
      const std::size_t body = compile(inner, loop);
      program_.states[loop].next = body;
      next = loop;
    } else {
      const std::size_t behind = next;
      for (int i = tree.least; i < tree.most; ++i) {
        const std::size_t body = compile(inner, next);
        next = add({State::Kind::split, body, behind, {}, false});
      }
    }
    for (int i = 0; i < tree.least; ++i) next = compile(inner, next);
    return next;
  }

  std::size_t add(State state) {
    if (program_.states.size() >= kMostStates) throw StatementError("54001", "the regular expression is too complex");
    program_.states.push_back(std::move(state));
    return program_.states.size() - 1;
  }

  Program& program_;
};

}  // namespace

Pattern::Pattern(std::string_view pattern, bool ignore_case) {
  auto program = std::make_shared<Program>();
  program->ignore_case = ignore_case;
  program->states.push_back({Program::State::Kind::match, 0, 0, {}, false});
  program->start = Compiler<Program>(*program).compile(PatternReader(characters_of(pattern)).whole(), 0);
  program_ = std::move(program);
}

bool Pattern::found_in(std::string_view text) const {
  using State = Program::State;
  const auto& states = program_->states;
  const auto characters = characters_of(text);
  std::vector<std::size_t> now, then, open;
  std::vector<std::size_t> seen(states.size(), static_cast<std::size_t>(-1));
  std::size_t at = 0;
  bool matched = false;
  const auto enter = [&](std::vector<std::size_t>& into, std::size_t state) {
    open.assign(1, state);
    while (!open.empty()) {
      const std::size_t s = open.back();
      open.pop_back();
      if (seen[s] == at) continue;
      seen[s] = at;
      const State& one = states[s];
      if (one.kind == State::Kind::match) matched = true;
      if (one.kind == State::Kind::read) into.push_back(s);
      if (one.kind == State::Kind::split) open.insert(open.end(), {one.next, one.other});
      if (one.kind == State::Kind::begin && at == 0) open.push_back(one.next);
      if (one.kind == State::Kind::end && at == characters.size()) open.push_back(one.next);
    }
  };
  const auto reads = [&](const State& state, char32_t c) {
    const auto in = [&](char32_t x) {
      return std::any_of(state.ranges.begin(), state.ranges.end(),
                         [x](const auto& r) { return x >= r.first && x <= r.last; });
    };
    bool found = in(c);
    if (program_->ignore_case && c < 0x80) {
      found = found || (c >= U'A' && c <= U'Z' && in(c + 32)) || (c >= U'a' && c <= U'z' && in(c - 32));
    }
    return found != state.negated;
  };
  enter(now, program_->start);
  while (!matched && at < characters.size()) {
    const char32_t c = characters[at++];
    then.clear();
    for (const std::size_t s : now) {
      if (reads(states[s], c)) enter(then, states[s].next);
    }
    enter(then, program_->start);
    now.swap(then);
  }
  return matched;
}

}  // namespace peerd::sql
