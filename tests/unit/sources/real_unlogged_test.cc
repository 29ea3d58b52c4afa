#include "real_stream.h"

// SET UNLOGGED and SET LOGGED between two looks at the catalog, and what else writes a table anew.
namespace peerd {
namespace {

struct Rewriting {
  const char* name;
  const char* columns;  ///< Of public.t, after its key.
  const char* also;     ///< Made with it. Publication p is for all tables.
  std::vector<const char*> changes;
  bool told;
  int since = 0, before = 1'000'000;  ///< Server versions.
};

class RealUnlogged : public RealStream {
 protected:
  void begin(const Rewriting& given) {
    sql(std::string("DROP TABLE IF EXISTS public.t; DROP PUBLICATION IF EXISTS q; CREATE TABLE public.t (id int PRIMARY KEY") +
        given.columns + "); INSERT INTO public.t VALUES (1), (2)");
    if (*given.also != '\0') sql(given.also);
    open_anew();
    notes_ = tables_[0].notes;
    EXPECT_EQ(read(), "");
    stream_.reset();
    builder_ = BatchBuilder();
    words_.clear();
  }
  /// The stream runs again, over all that was changed since: it says what it has to once it has come by that.
  std::string go_on() {
    open(tables_);
    sql("INSERT INTO public.t VALUES (3)");
    return read();
  }
  bool told() const {
    return std::ranges::any_of(words_, [](const std::string& words) {
      return words.find("\"public\".\"t\" was written anew") != std::string::npos && words.find("SET UNLOGGED") != std::string::npos;
    });
  }
};

constexpr const char* kUnlogged = "ALTER TABLE public.t SET UNLOGGED";
constexpr const char* kLogged = "ALTER TABLE public.t SET LOGGED";
constexpr const char* kLost = "DELETE FROM public.t WHERE id = 1";
constexpr const char* kFull = "VACUUM FULL public.t";
constexpr const char* kTruncate = "TRUNCATE public.t";
constexpr const char* kNamed = "CREATE PUBLICATION q FOR TABLE public.t";
constexpr const char* kIdentity = ", n int GENERATED ALWAYS AS IDENTITY";

// Neither a TOAST table nor a publication's name shows that it was logged all the while.
TEST_F(RealUnlogged, ATableThatMayHaveBeenUnloggedIsTold) {
  sql("CREATE PUBLICATION p FOR ALL TABLES");
  mirror_.options["publication_name"] = "p";
  map("public.t");
  const std::vector<Rewriting> cases = {
      {"unlogged", "", "", {kUnlogged, kLost, kLogged}, true},
      {"unlogged in one transaction", "", "", {"BEGIN", kUnlogged, kLost, kLogged, "COMMIT"}, true},
      {"as likely as not", "", "", {kFull}, true},
      {"truncated", "", "", {kTruncate}, false},
      {"truncated twice", "", "", {kTruncate, "INSERT INTO public.t VALUES (5)", kTruncate}, false},
      {"truncated after it", "", "", {kUnlogged, kLost, kLogged, kTruncate}, false},
      {"truncated before it", "", "", {kTruncate, kUnlogged, "INSERT INTO public.t VALUES (5)", kLogged}, true},
      {"named elsewhere", "", kNamed, {kFull}, false},
      {"named afterwards", "", "", {kUnlogged, kLost, kLogged, kNamed}, true},
      {"with TOAST", ", a text", "", {kFull}, false},
      {"with TOAST and an altered column", ", a text", "",
       {kUnlogged, kLost, "ALTER TABLE public.t ALTER a SET STATISTICS 7", kLogged}, true},
      {"its sequence is as it was", kIdentity, "", {kFull}, false, 150000},
      {"its sequence went along", kIdentity, "", {kUnlogged, kLost, kLogged}, true, 150000},
      {"its sequence tells nothing", kIdentity, "", {kFull}, true, 0, 150000},
      {"its sequence was away", ", n int DEFAULT 0", "CREATE SEQUENCE public.s OWNED BY public.t.n",
       {"ALTER SEQUENCE public.s OWNED BY NONE", kUnlogged, kLost, kLogged, "ALTER SEQUENCE public.s OWNED BY public.t.n"}, true},
      {"nothing", "", "", {"ANALYZE public.t", "CREATE INDEX ON public.t (id)", "ALTER TABLE public.t SET (fillfactor = 90)"}, false}};
  for (const Rewriting& given : cases) {
    if (connection_->server_version() < given.since || connection_->server_version() >= given.before) continue;
    SCOPED_TRACE(given.name);
    begin(given);
    for (const char* change : given.changes) sql(change);
    go_on();
    EXPECT_EQ(told(), given.told);
    // Once: it is noted as it is now.
    tables_[0].notes = notes_;
    stream_.reset();
    builder_ = BatchBuilder();
    words_.clear();
    open(tables_);
    sql("INSERT INTO public.t VALUES (4)");
    read();
    EXPECT_FALSE(told());
  }
}

TEST_F(RealUnlogged, NoTableThatAPublicationNamesCanBeUnlogged) {
  sql("CREATE TABLE public.t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE public.t");
  try {
    sql(kUnlogged);
    ADD_FAILURE() << "it was made unlogged";
  } catch (const Error& error) {
    EXPECT_NE(error.text.message.find("publication"), std::string::npos) << error.text.message;
  }
}

// A start in between forgets nothing: what was noted stays until it was told.
TEST_F(RealUnlogged, ItIsToldHoweverOftenTheStreamStartsBeforeItHasComeByIt) {
  sql("CREATE PUBLICATION p FOR ALL TABLES");
  mirror_.options["publication_name"] = "p";
  map("public.t");
  begin({"", "", "", {}, true});
  for (const char* change : {kUnlogged, kLost, kLogged}) sql(change);
  for (int i = 0; i < 2; ++i) {
    open(tables_);  // Looks, and has not come by what it saw.
    while (stream_->read(builder_, Wait::at_most(1ms)) == Got::shape) {
      const NewShape shape = stream_->new_shape(wait_);
      EXPECT_EQ(shape.words, "");
      tables_[0].notes = shape.table.notes;
    }
    stream_.reset();
    builder_ = BatchBuilder();
  }
  go_on();
  EXPECT_TRUE(told());
}

}  // namespace
}  // namespace peerd
