#include "view_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "unit/control/control_fixture.h"

namespace peerd::rest {
namespace {

using Type = View::Column::Type;

const View kView{"v",
                 "",
                 {{"name", Type::text},
                  {"count", Type::integer},
                  {"seconds", Type::real},
                  {"well", Type::boolean},
                  {"at", Type::timestamp}},
                 {}};

TEST(ViewJson, HasEachTypeAsJsonHasIt) {
  EXPECT_EQ(row_json(kView, {"m1", "18446744073709551615", "0.250", "t", "2026-01-31 11:00:00.123+00"}),
            R"({"name":"m1","count":18446744073709551615,"seconds":0.250,"well":true,"at":"2026-01-31T11:00:00.123Z"})");
  EXPECT_EQ(row_json(kView, {"m1", "-1", "1.000", "f", std::nullopt}),
            R"({"name":"m1","count":-1,"seconds":1.000,"well":false,"at":null})");
}

TEST(ViewJson, KeepsTextWhateverItHolds) {
  const std::string odd = "say \"hi\"\\ \n\t\x01 </script> \xc3\xa4";
  const auto read = nlohmann::json::parse(row_json(kView, {odd, {}, {}, {}, {}}));
  EXPECT_EQ(read.at("name"), odd);
  EXPECT_EQ(json_text("a\xff"), "\"a\xef\xbf\xbd\"");
}

TEST(ViewJson, MakesAnArrayOfRows) {
  EXPECT_EQ(rows_json(kView, {}), "[]");
  const std::vector<std::vector<View::Cell>> rows{{"a", {}, {}, {}, {}}, {"b", {}, {}, {}, {}}};
  EXPECT_EQ(rows_json(kView, rows), "[" + row_json(kView, rows[0]) + "," + row_json(kView, rows[1]) + "]");
}

class ViewJsonOfPeerd : public ControlTest {};

TEST_F(ViewJsonOfPeerd, IsReadableForEveryView) {
  make_peers();
  create(asked("m"));
  for (const View& view : views(peers_, mirrors_, *catalog_)) {
    const auto rows = view.rows();
    const auto read = nlohmann::json::parse(rows_json(view, rows));
    ASSERT_EQ(read.size(), rows.size()) << view.name;
    for (const auto& row : read) EXPECT_EQ(row.size(), view.columns.size()) << view.name;
    if (view.name == "mirrors") {
      EXPECT_EQ(read.at(0).at("name"), "m");
      EXPECT_TRUE(read.at(0).at("lag_seconds").is_number_float());
    }
  }
}

}  // namespace
}  // namespace peerd::rest
