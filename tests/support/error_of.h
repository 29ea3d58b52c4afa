#pragma once

#include <gtest/gtest.h>

#include "peerd/base/error.h"

namespace peerd {

/// What `f` throws; a failure of the test when it does not.
template <typename F>
ErrorText error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.text;
  }
  ADD_FAILURE() << "did not throw";
  return {};
}

}  // namespace peerd
