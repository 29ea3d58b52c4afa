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
