#include <gtest/gtest.h>

#include "peerd/base/encoding.h"
#include "peerd/net/http.h"

namespace peerd::net {
namespace {

TEST(UrlEncode, KeepsUnreservedCharactersOnly) {
  EXPECT_EQ(url_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(url_encode("a b&c=d/é"), "a%20b%26c%3Dd%2F%C3%A9");
  EXPECT_EQ(url_encode(std::string_view("\0", 1)), "%00");
}

TEST(UrlDecode, UndoesEncodingAndLeavesLonePercentSigns) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(url_decode(url_encode(all)), all);
  EXPECT_EQ(url_decode("100%"), "100%");
  EXPECT_EQ(url_decode("%zz%4"), "%zz%4");
  EXPECT_EQ(url_decode("a+b%2f"), "a+b/");
}

TEST(Base64, AgreesWithTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : vectors) {
    EXPECT_EQ(base64_encode(plain), text);
    std::string back = "x";
    EXPECT_TRUE(base64_decode(text, back));
    EXPECT_EQ(back, plain);
  }
}

TEST(Base64, RefusesMalformedText) {
  for (const char* text : {"Z", "Zg=", "Zg", "Z===", "Zm9v=Zm9", "Zm 9", "====", "Zg==Zg==", "Zm9-"}) {
    std::string bytes = "x";
    EXPECT_FALSE(base64_decode(text, bytes)) << text;
    EXPECT_EQ(bytes, "");
  }
}

}  // namespace
}  // namespace peerd::net
