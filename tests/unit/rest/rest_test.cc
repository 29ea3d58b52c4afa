#include "rest_fixture.h"

namespace peerd::rest {
namespace {

TEST_F(Rest, PeersAreCreatedInBothSpellings) {
  EXPECT_EQ(post("peers/create",
                 R"({"peer":{"name":"a","type":3,"postgres_config":{"host":"h","port":5432,"password":"p"}}})")
                .body,
            R"({"status":"CREATED","message":""})");
  EXPECT_EQ(post("peers/create", R"({"peer":{"name":"b","type":"POSTGRES","postgresConfig":{"host":"h","port":"99"}}})")
                .status,
            200);
  EXPECT_EQ(post("peers/create", R"({"peer":{"name":"c","clickhouse_config":{"host":"h"}}})").status, 200);
  EXPECT_EQ(peers_.get("a").options.at("password"), "p");
  EXPECT_EQ(peers_.get("b").options.at("port"), "99");
  EXPECT_EQ(peers_.get("c").kind, "CLICKHOUSE");
}

TEST_F(Rest, ListsAndMapsAreOptions) {
  make_peers();
  EXPECT_EQ(post("peers/create", R"({"peer":{"name":"k","type":"KAFKA","kafka_config":{"servers":["a:1","b:2"],
      "username":"u","partitioner":"","properties":{"socket.timeout.ms":"5000"}}}})")
                .status,
            200);
  EXPECT_EQ(peers_.get("k").options,
            (Options{{"servers", "a:1,b:2"}, {"user", "u"}, {"properties.socket.timeout.ms", "5000"}}));
  const std::string info = get("peers/info/k").body;
  for (const char* part : {R"("servers":["a:1","b:2"])", R"("username":"u")", R"("socket.timeout.ms":"********")"})
    EXPECT_TRUE(has(info, part)) << info;
  const auto masked = post("peers/create", R"({"peer":{"name":"l","type":"KAFKA","kafka_config":{"servers":["a:1"],
      "properties":{"ssl.key.password":"********"}}}})");
  EXPECT_EQ(masked.status, 400);
  EXPECT_TRUE(has(masked.body, "properties.ssl.key.password")) << masked.body;
}

TEST_F(Rest, OptionsOfTheTargetsKindAreFields) {
  make_peers();
  create_kafka_peer("k");
  const auto to = [](const char* target, const char* more) {
    return std::string(R"({"connection_configs": {"flow_job_name": "m", "source_name": "src", "destination_name": ")") +
           target + R"(", "table_mappings": [{"source_table_identifier": "public.t",
           "destination_table_identifier": "t"}], )" + more + "}}";
  };
  const auto refused = post("flows/cdc/create", to("dst", R"("format": "flat")"));
  EXPECT_EQ(refused.status, 400);
  EXPECT_TRUE(has(refused.body, "belongs to mirrors to KAFKA")) << refused.body;
  EXPECT_EQ(post("flows/cdc/create", to("k", R"("format": "flat", "partitions": 3)")).status, 200);
  EXPECT_EQ(mirrors_.record("m").spec.options, (Options{{"format", "flat"}, {"partitions", "3"}}));
}

TEST_F(Rest, ListsTellSourcesFromDestinations) {
  make_peers();
  EXPECT_EQ(
      get("peers/list").body,
      R"({"items":[{"name":"ch","type":"CLICKHOUSE"},{"name":"dst","type":"POSTGRES"},{"name":"src","type":"POSTGRES"}],)"
      R"("sourceItems":[{"name":"dst","type":"POSTGRES"},{"name":"src","type":"POSTGRES"}],)"
      R"("destinationItems":[{"name":"ch","type":"CLICKHOUSE"},{"name":"dst","type":"POSTGRES"},{"name":"src","type":"POSTGRES"}]})");
  EXPECT_EQ(ask("GET", "/v1/peers/list").status, 200);
}

TEST_F(Rest, AnExistingPeerIsNeverSilentlyKept) {
  const auto body = [](const char* host, const char* update) {
    return std::string(R"({"peer":{"name":"a","type":"POSTGRES","postgres_config":{"host":")") + host +
           R"("}},"allow_update":)" + update + "}";
  };
  EXPECT_EQ(post("peers/create", body("one", "false")).status, 200);
  EXPECT_TRUE(has(post("peers/create", body("one", "false")).body, "the same peer existed already"));
  EXPECT_EQ(post("peers/create", body("two", "false")).status, 409);
  EXPECT_EQ(post("peers/create", body("two", "true")).status, 200);
  EXPECT_EQ(peers_.get("a").options.at("host"), "two");
}

TEST_F(Rest, SecretsAreShownMaskedAndTheMaskIsNotTaken) {
  create_peer("a");
  const auto info = get("peers/info/a");
  EXPECT_EQ(info.status, 200);
  EXPECT_TRUE(has(info.body, R"("password":"********")")) << info.body;
  EXPECT_TRUE(has(info.body, R"("version":"1")")) << "what the server itself answers to SELECT version()";
  EXPECT_TRUE(has(info.body, R"("authType":"POSTGRES_PASSWORD","skipCertVerification":false)")) << info.body;
  EXPECT_FALSE(has(info.body, "wonderland"));
  const auto back =
      post("peers/create",
           R"({"peer":{"name":"a","postgres_config":{"host":"h","password":"********"}},"allow_update":true})");
  EXPECT_EQ(back.status, 400);
  EXPECT_EQ(get("peers/info/nope").status, 404);
}

TEST_F(Rest, APeerThatIsDownIsStillShown) {
  create_peer("a");
  world_.peer("a").die();
  const auto info = get("peers/info/a");
  EXPECT_EQ(info.status, 200);
  EXPECT_TRUE(has(info.body, R"("version":"")"));
}

TEST_F(Rest, ErrorsNameTheField) {
  const struct {
    const char *path, *body;
    int status;
    const char* part;
  } kCases[] = {
      {"peers/create", R"({"peer":{"name":"a","postgres_config":{"hots":"x"}}})", 400, "did you mean host"},
      {"peers/create", R"({"peer":{"name":"a","postgres_config":{"port":"x"}}})", 400, "peer.postgres_config.port"},
      {"peers/create", R"({"peer":{"name":"a","type":"POSTGRESS"}})", 400, "peer.type"},
      {"peers/create", R"({"peer":{"name":"a","type":"KAFKA"}})", 400, "KAFKA"},
      {"peers/create", R"({"peer":{"name":"a","type":"CLICKHOUSE","postgres_config":{}}})", 400, "clickhouse_config"},
      {"peers/create", R"({"peer":{"name":"a"}})", 400, "peer.type"},
      {"peers/create", R"({"peer":{"postgres_config":{"host":"h"}}})", 400, "peer.name"},
      {"peers/create", R"({"peer":{"name":"a","postgres_config":{"host":"h","metadata_schema":"x"}}})", 501,
       "metadata_schema"},
      {"peers/create", R"({"peer":{"name":"a","postgres_config":{"host":"h","ssh_config":{"host":"x"}}}})", 501,
       "ssh_config"},
      {"peers/create", "{}", 400, "no peer provided"},
      {"peers/create", "", 400, "no peer provided"},
      {"peers/create", "{\"peer\":", 400, "not JSON"},
      {"peers/create", "[]", 400, "not JSON"},
      {"peers/drop", R"({"peer_name":"nope"})", 404, "nope"},
      {"peers/drop", "{}", 400, "peer_name"},
      {"mirrors/status", R"({"flow_job_name":"nope"})", 404, "nope"},
      {"mirrors/state_change", R"({"flow_job_name":"nope","requested_flow_state":"STATUS_PAUSED"})", 404, "nope"},
      {"flows/cdc/create", "{}", 400, "connection_configs"},
      {"flows/cdc/create", R"({"connection_configs":{"flow_job_name":"m"}})", 400, "source_name"},
  };
  for (const auto& test : kCases) {
    const auto reply = post(test.path, test.body);
    EXPECT_EQ(reply.status, test.status) << test.body << reply.body;
    EXPECT_TRUE(has(reply.body, test.part)) << reply.body;
    EXPECT_TRUE(has(reply.body, R"("@type":"type.googleapis.com/google.rpc.ErrorInfo")"));
  }
}

TEST_F(Rest, DefaultsOfUnsupportedFieldsAreLetPass) {
  EXPECT_EQ(post("peers/create",
                 R"({"peer":{"name":"a","postgres_config":{"host":"h","port":0,"metadata_schema":"","tls_host":"",
      "skip_cert_verification":false}}})")
                .status,
            200);
}

TEST_F(Rest, NoErrorRepeatsAValue) {
  EXPECT_FALSE(
      has(post("peers/create", R"({"peer":{"name":"a","postgres_config":{"host":"h","password":12345678}}})").body,
          "12345678"));
  EXPECT_FALSE(has(post("peers/create", R"({"peer":{"name":"a","password":"hunter2)").body, "hunter2"));
}

TEST_F(Rest, APeerThatCannotBeReachedIsNotStored) {
  world_.peer("a").fail_next("check", Error(ErrorCode::unreachable, "connection refused", "is it running?"));
  const auto reply = post("peers/create", R"({"peer":{"name":"a","postgres_config":{"host":"h"}}})");
  EXPECT_EQ(reply.status, 503);
  EXPECT_TRUE(has(reply.body, "08001"));
  EXPECT_EQ(get("peers/info/a").status, 404);
  world_.peer("b").fail_next("check", Error(ErrorCode::bad_password, "wrong password"));
  EXPECT_EQ(post("peers/validate", R"({"peer":{"name":"b","postgres_config":{"host":"h"}}})").status, 400);
  EXPECT_TRUE(has(post("peers/validate", R"({"peer":{"name":"b","postgres_config":{"host":"h"}}})").body,
                  R"("status":"VALID")"));
  EXPECT_EQ(
      post("peers/create", R"({"peer":{"name":"d","postgres_config":{"host":"h"}},"disable_validation":true})").status,
      200);
}

TEST_F(Rest, MirrorsAreMadeListedAndTold) {
  make_peers();
  EXPECT_EQ(post("mirrors/cdc/validate", kMirror).body, "{}");
  EXPECT_EQ(get("mirrors/names").body, R"({"names":[]})");
  EXPECT_EQ(post("flows/cdc/create", kMirror).body, R"({"workflowId":"m-peerflow"})");
  EXPECT_EQ(get("mirrors/names").body, R"({"names":["m"]})");
  const auto record = mirrors_.record("m");
  EXPECT_EQ(record.spec.tables[0].exclude, std::vector<std::string>{"name"});
  EXPECT_EQ(record.spec.integer("idle_timeout_seconds"), 10);
  const auto list = get("mirrors/list").body;
  EXPECT_TRUE(has(list, R"("status":"STATUS_SETUP")")) << list;
  EXPECT_TRUE(has(list, R"("sourceType":"POSTGRES")")) << list;
  const auto brief = post("mirrors/status", R"({"flowJobName":"m"})").body;
  EXPECT_FALSE(has(brief, "cdcStatus"));
  EXPECT_TRUE(has(brief, R"("health":{)"));
  const auto full = post("mirrors/status", R"({"flow_job_name":"m","include_flow_info":true})").body;
  EXPECT_TRUE(has(full, R"("idleTimeoutSeconds":"10")")) << full;
  EXPECT_TRUE(has(full, R"("doInitialSnapshot":true)")) << full;
  EXPECT_TRUE(has(full, R"("cdcBatches":[])")) << full;
  EXPECT_TRUE(has(full, R"("resync":false)")) << full;
  EXPECT_TRUE(has(full, R"("system":"PG")")) << full;
  EXPECT_TRUE(has(
      post("mirrors/status",
           R"({"flow_job_name":"m","include_flow_info":true,"exclude_batches":true,"exclude_snapshot_status":true})")
          .body,
      R"("snapshotStatus":null)"));
  const auto again = post("mirrors/cdc/validate", kMirror);
  EXPECT_EQ(again.status, 409);
  EXPECT_TRUE(has(again.body, R"("field":"flow_job_name")")) << again.body;
}

TEST_F(Rest, UnsupportedMirrorFieldsAreRefused) {
  make_peers();
  std::string body = kMirror;
  for (const char* field :
       {R"("resync":true)", R"("script":"x")", R"("env":{"A":"b"})", R"("skip_validation":true)", R"("initial_snapshot_only":true)"}) {
    std::string changed = body;
    changed.insert(changed.find("\"do_initial_snapshot\""), std::string(field) + ",");
    EXPECT_EQ(post("flows/cdc/create", changed).status, 501) << field;
  }
  for (const char* field : {R"("engine":"CH_ENGINE_NULL")", R"("partition_by_expr":"a")", R"("sharding_key":"a")",
                            R"("columns":[{"source_name":"id","destination_name":"other","destination_type":"Int64"}])"}) {
    std::string changed = body;
    changed.insert(changed.find("\"exclude\""), std::string(field) + ",");
    EXPECT_EQ(post("flows/cdc/create", changed).status, 501) << field;
  }
  std::string defaults = body;
  defaults.insert(defaults.find("\"do_initial_snapshot\""),
                  R"("resync":false,"max_batch_size":0,"system":"Q","script":"",)");
  EXPECT_EQ(post("flows/cdc/create", defaults).status, 200);
}

TEST_F(Rest, SettingsOfOneMirrorAreTakenWhereTheyChangeNothing) {
  make_peers();
  const auto with = [&](const std::string& env) {
    std::string body = kMirror;
    body.insert(body.find("\"do_initial_snapshot\""), R"("env":{)" + env + "},");
    return post("mirrors/cdc/validate", body);
  };
  EXPECT_EQ(with(R"("PEERDB_NULLABLE":"true","PEERDB_CLICKHOUSE_BINARY_FORMAT":"RAW","PEERDB_PG_AUTOMATED_SCHEMA_DUMP":"false")").status, 200);
  for (const auto& [name, value] : {std::pair("PEERDB_NULLABLE", "false"), std::pair("PEERDB_PG_AUTOMATED_SCHEMA_DUMP", "true"),
                                    std::pair("PEERDB_GROUP_NORMALIZE", "4"), std::pair("PEERDB_NULABLE", "true")}) {
    const auto refused = with("\"" + std::string(name) + "\":\"" + value + "\"");
    EXPECT_EQ(refused.status, 501) << name;
    EXPECT_TRUE(has(refused.body, name)) << refused.body;
  }
}

TEST_F(Rest, UnknownPeersOfAMirrorAre404) {
  make_peers();
  for (const char* end : {"source_name", "destination_name"}) {
    std::string body = kMirror;
    const auto at = body.find(std::string("\"") + end + "\"");
    body.replace(body.find(':', at) + 1, body.find(',', at) - body.find(':', at) - 1, "\"nobody\"");
    for (const char* path : {"mirrors/cdc/validate", "flows/cdc/create"}) {
      const auto reply = post(path, body);
      EXPECT_EQ(reply.status, 404) << reply.body;
      EXPECT_TRUE(has(reply.body, std::string(R"("field":")") + end)) << reply.body;
    }
  }
}

TEST_F(Rest, WhatPeerDbsClientsSendByDefaultIsTakenByAllFaces) {
  make_peers();
  EXPECT_EQ(post("peers/create", R"({"peer":{"name":"a","postgres_config":{"host":"h","auth_type":"POSTGRES_PASSWORD",
      "client_tls":{"certificate":"","private_key":""},"aws_auth":{},"ssh_config":{"host":"","port":0},"metadata_schema":""}}})").status, 200);
  EXPECT_EQ(post("peers/create", R"({"peer":{"name":"b","clickhouse_config":{"host":"h","s3":{"url":""},"s3_path":"","cluster":"",
      "replicated":false,"region":""}}})").status, 200);
  const RawOption no{RawOption::Kind::boolean, "false"}, empty{RawOption::Kind::text, ""};
  const auto text = [](const char* value) { return RawOption{RawOption::Kind::text, value}; };
  peers_.create("c", "POSTGRES", {{"host", text("h")}, {"client_tls", empty}, {"auth_type", text("postgres_password")},
                                  {"skip_cert_verification", no}}, Replace::no, IfExists::no, PeerControl::Check::yes, wait());
  EXPECT_EQ(peers_.get("c").options, (Options{{"host", "h"}}));
  MirrorRequest request = asked("m");
  request.options = {{"resync", no}, {"system", text("Q")}, {"script", empty}, {"initial_copy_only", no},
                     {"disable_peerdb_columns", no}, {"snapshot_num_partitions_override", {RawOption::Kind::number, "0"}}};
  EXPECT_EQ(create(request), Done::done);
  EXPECT_EQ(mirrors_.record("m").spec.options, Options());
  for (const auto& [name, value] : {std::pair("resync", "true"), std::pair("script", "s"), std::pair("system", "XX")}) {
    request.options = {{name, text(value)}};
    const ErrorText refused = error_of([&] { mirrors_.validate({"n", "src", "ch", {{"public.t", "t", {}}}, request.options}, wait()); });
    EXPECT_EQ(refused.code, ErrorCode::not_supported) << name;
    EXPECT_EQ(refused.field, name);
  }
  request.options = {{"system", text("PG")}};
  EXPECT_EQ(create(request), Done::was_there) << "types are carried as they are between Postgres servers";
  EXPECT_EQ(error_of([&] { mirrors_.validate({"n", "src", "ch", {{"public.t", "t", {}}}, request.options}, wait()); }).field, "system");
  EXPECT_EQ(error_of([&] { peers_.validate("d", "POSTGRES", {{"host", text("h")}, {"auth_type", text("POSTGRES_IAM_AUTH")}}, wait()); }).field,
            "auth_type");
}

TEST_F(Rest, StateChangesAreDoneOrRefused) {
  make_peers();
  post("flows/cdc/create", kMirror);
  const auto change = [&](const std::string& state, const std::string& more = "") {
    return post("mirrors/state_change", R"({"flow_job_name":"m","requested_flow_state":")" + state + "\"" + more + "}");
  };
  EXPECT_EQ(change("STATUS_RESYNC").status, 409) << "nothing is copied yet";
  EXPECT_EQ(change("STATUS_RESYNC", R"(,"force":true)").status, 400);
  EXPECT_EQ(change("STATUS_SETUP").status, 400);
  const auto update = [](const std::string& what) {
    return R"(,"flow_config_update":{"cdc_flow_config_update":{)" + what + "}}";
  };
  EXPECT_EQ(change("STATUS_RUNNING", update(R"("number_of_syncs":5)")).status, 501);
  EXPECT_EQ(change("STATUS_SETUP", update(R"("batch_size":5)")).status, 400);
  EXPECT_EQ(mirrors_.record("m").spec.integer("max_batch_size"), 1000000) << "what is refused is not half done";
  EXPECT_EQ(change("STATUS_UNKNOWN", update(R"("batch_size":5)")).body, "{}");
  EXPECT_EQ(mirrors_.record("m").spec.integer("max_batch_size"), 5);
  EXPECT_EQ(change("STATUS_UNKNOWN", update(R"("batch_size":0)")).status, 400) << "0 asks for nothing";
  const auto twice = update(R"("additional_tables":[{"source_table_identifier":"public.t","destination_table_identifier":"s.other"}])");
  EXPECT_EQ(change("STATUS_UNKNOWN", twice).status, 409);
  EXPECT_EQ(change("STATUS_RUNNING", R"(,"receive":true)").status, 400) << "only a pause receives";
  EXPECT_EQ(change("STATUS_PAUSED").body, "{}");
  EXPECT_TRUE(has(change("STATUS_PAUSED", R"(,"receive":true)").body, R"("notice":"it goes on receiving into its spool)"));
  EXPECT_TRUE(has(post("mirrors/status", R"({"flow_job_name":"m"})").body, R"("walKeptBytes")"));
  EXPECT_EQ(change("STATUS_TERMINATED", R"(,"skip_destination_drop":true)").body, "{}");
  EXPECT_EQ(change("STATUS_TERMINATING").status, 404) << "it is gone";
}

TEST_F(Rest, ThePasswordGuardsEverythingButHealth) {
  password_ = "secret";
  const auto without = ask("GET", "/api/v1/version");
  EXPECT_EQ(without.status, 401);
  EXPECT_TRUE(has(without.headers.at("www-authenticate"), "Basic"));
  EXPECT_EQ(ask("GET", "/api/v1/version", "", "Bearer x").status, 401);
  EXPECT_EQ(ask("GET", "/api/v1/nope").status, 401);
  EXPECT_EQ(ask("GET", "/healthz").status, 200);
  EXPECT_EQ(ask("GET", "/readyz").status, 200);
  EXPECT_EQ(ask("GET", "/metrics").status, 401);
  EXPECT_EQ(ask("GET", "/metrics", "", basic(":secret")).status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/version", "", basic(":secret")).status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/version", "", "bAsIc  " + base64_encode(":secret")).status, 200);
  for (const char* wrong : {":Secret", ":secret1", ":", "user:secret", "secret", ""}) {
    EXPECT_EQ(ask("GET", "/api/v1/version", "", basic(wrong)).status, 403) << wrong;
  }
  EXPECT_EQ(ask("GET", "/api/v1/version", "", "Basic !!").status, 403);
}

TEST_F(Rest, PagesOfOtherSitesAreRefused) {
  const auto from = [&](const std::string& origin) {
    net::HttpRequest request{
        "GET", "/api/v1/version", "", {{"host", "localhost:3000"}, {"origin", origin}}, "", "test"};
    return answer(request).status;
  };
  EXPECT_EQ(from("http://localhost:3000"), 200);
  EXPECT_EQ(from("http://evil.example"), 403);
  EXPECT_EQ(from("null"), 403);
}

TEST_F(Rest, NamesThatAnySiteCanGiveThisMachineAreRefused) {
  const auto from = [&](const std::string& host) {
    return answer({"GET", "/api/v1/version", "", {{"host", host}, {"origin", "http://" + host}}, "", "test"}).status;
  };
  for (const char* own : {"localhost:3000", "127.0.0.1:3000", "[::1]:3000", "LOCALHOST", "localhost."}) EXPECT_EQ(from(own), 200) << own;
  EXPECT_EQ(from("evil:3000"), 403);
  hosts_ = {"peerd.example"};
  EXPECT_EQ(from("Peerd.Example:3000"), 200);
  EXPECT_EQ(from("evil:3000"), 403);
  hosts_.clear();
  password_ = "secret";  // A page has no password to give: any name will do.
  EXPECT_EQ(from("evil:3000"), 401);
}

TEST_F(Rest, GuessingIsSlowed) {
  password_ = "secret";
  int refused = 0;
  for (int i = 0; i < 12; ++i) refused += ask("GET", "/api/v1/version", "", basic(":guess")).status == 429;
  EXPECT_GE(refused, 1);
  EXPECT_EQ(ask("GET", "/api/v1/version", "", basic(":secret")).status, 429) << "not even looked at";
}

TEST_F(Rest, PathsAndMethodsAreChecked) {
  EXPECT_EQ(get("mirrors/lst").status, 404);
  EXPECT_TRUE(has(get("mirrors/lst").body, "did you mean /api/v1/mirrors/list"));
  EXPECT_EQ(ask("GET", "/nope").status, 404);
  EXPECT_EQ(get("peers/info/").status, 404);
  EXPECT_EQ(get("peers/info/a/b").status, 404);
  const auto wrong = get("peers/create");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("allow"), "POST");
  EXPECT_EQ(ask("DELETE", "/healthz").status, 405);
}

TEST_F(Rest, HealthCountsMirrorsWithoutFailing) {
  make_peers();
  post("flows/cdc/create", kMirror);
  EXPECT_EQ(ask("GET", "/healthz").body, R"({"status":"ok","mirrors":1,"failing":0})");
  EXPECT_TRUE(has(get("version").body, R"("version":")"));
}

TEST_F(Rest, ReadyzSaysWhatIsNotReady) {
  EXPECT_EQ(ask("GET", "/readyz").body, R"({"status":"ready","not_ready":[]})");
  probes_.not_ready = [] { return std::vector<NotReady>{{"catalog", "the disk is full"}}; };
  const auto answer = ask("GET", "/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, R"({"status":"not ready","not_ready":[{"what":"catalog","why":"the disk is full"}]})");
  EXPECT_EQ(ask("GET", "/healthz").status, 200) << "a restart would not make room";
  EXPECT_EQ(ask("POST", "/readyz").headers.at("allow"), "GET, HEAD");
}

TEST_F(Rest, MetricsAreTextAndOpenWhenTheyAreToBe) {
  password_ = "secret";
  EXPECT_EQ(ask("GET", "/metrics", "", basic(":wrong")).status, 403);
  probes_.open_metrics = true;
  const auto answer = ask("GET", "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.body, "peerd_mirrors 1\n");
  EXPECT_EQ(ask("GET", "/api/v1/version").status, 401);
}

}  // namespace
}  // namespace peerd::rest
