#include "scram.h"

#include <gtest/gtest.h>

#include "scram_client.h"
#include "statement_error.h"

namespace peerd::sql {
namespace {

TEST(Scram, TheRightPasswordIsProvedBothWays) {
  const auto verifier = ScramVerifier::of("pencil");
  ScramExchange exchange(verifier);
  ScramClient client("pencil");
  const std::string final = exchange.final(client.final(exchange.first(client.first())));
  EXPECT_EQ(final, client.expected_server_final());
}

TEST(Scram, AnotherPasswordIsRefused) {
  const auto verifier = ScramVerifier::of("pencil");
  ScramExchange exchange(verifier);
  ScramClient client("crayon");
  EXPECT_EQ(exchange.final(client.final(exchange.first(client.first()))), "");
}

TEST(Scram, EachServerHasASaltOfItsOwn) {
  EXPECT_NE(ScramVerifier::of("x").salt, ScramVerifier::of("x").salt);
  EXPECT_EQ(ScramVerifier::of("x").salt.size(), 16u);
}

TEST(Scram, APasswordIsTakenInItsFormUnderSaslprep) {
  // "I<soft hyphen>X" is IX, "<roman nine>" too (RFC 4013, section 3); a no-break space is a blank.
  for (const auto& [kept, sent] : std::vector<std::pair<std::string, std::string>>{
           {"I\xc2\xadX", "IX"}, {"\xe2\x85\xa8", "IX"}, {"a\xc2\xa0" "b", "a b"}, {"e\xcc\x81", "\xc3\xa9"}}) {
    const auto verifier = ScramVerifier::of(kept);
    ScramExchange exchange(verifier);
    ScramClient client(sent);
    EXPECT_NE(exchange.final(client.final(exchange.first(client.first()))), "") << sent;
  }
}

TEST(Scram, MalformedMessagesAreProtocolViolations) {
  const auto verifier = ScramVerifier::of("pencil");
  for (const char* first :
       {"", "n", "n,", "p=tls-server-end-point,,n=,r=a", "n,a=u,n=,r=a", "n,,r=a", "n,,n=,r=", "x,,n=,r=a"}) {
    EXPECT_THROW(ScramExchange(verifier).first(first), StatementError) << first;
  }
  for (const char* final : {"", "c=biws", "c=biws,r=x,p=!!", "c=biws,r=wrong,p=AAAA", ",p="}) {
    ScramExchange exchange(verifier);
    exchange.first("n,,n=,r=abc");
    EXPECT_THROW(exchange.final(final), StatementError) << final;
  }
}

}  // namespace
}  // namespace peerd::sql
