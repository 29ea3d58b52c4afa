#pragma once

#include "peerd/base/error.h"

namespace peerd {

/// What throw_if_any() throws for more than one problem: the Error that tells them all in one text, and each by itself.
struct ProblemsError : Error {
  ProblemsError(ErrorText text, Problems problems) : Error(std::move(text)), problems(std::move(problems)) {}
  Problems problems;
};

}  // namespace peerd
