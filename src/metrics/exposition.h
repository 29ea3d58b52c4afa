#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace peerd {

/// Writes Prometheus's text format, version 0.0.4.
class Exposition {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  /// What the samples that follow belong to; each family is begun once. `type`: counter, gauge or histogram.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(Labels labels, double value) { sample("", labels, value); }
  /// `suffix`: of a histogram's "_bucket", "_sum" and "_count".
  void sample(std::string_view suffix, Labels labels, double value);
  std::string take() { return std::move(text_); }

 private:
  std::string name_, text_;
};

/// A label's value: backslash, quote and new line escaped, what is no UTF-8 as U+FFFD.
std::string escape_label(std::string_view value);

}  // namespace peerd
