// The life of a change and of a token, as an operator sees them: the real program, real TLS, real
// kill -9. What was answered has to be there afterwards.
#include "tests/integration/control/service.h"

namespace culvert::test {
namespace {

using Stub = v1::Admin::Stub;
using grpc::StatusCode;

class Admin : public testing::Test {
 protected:
  void SetUp() override { service_.start(); }

  std::string token(v1::Role role) {
    v1::CreateTokenRequest request;
    request.set_name("somebody");
    request.set_operator_role(role);
    v1::CreateTokenReply reply;
    EXPECT_TRUE(service_.admin().call(&Stub::CreateToken, request, &reply).ok());
    last_id_ = reply.token().id();
    return reply.secret();
  }
  static StatusCode apply_as(const Operator& who, bool dry_run) {
    v1::ApplyRequest request = applying({route("r", "openai")});
    request.set_dry_run(dry_run);
    v1::ApplyReply reply;
    return who.call(&Stub::Apply, request, &reply).error_code();
  }
  std::vector<v1::AuditEntry> audit() {
    grpc::ClientContext context;
    const Operator admin = service_.admin();
    admin.prepare(&context);
    const auto reader = admin.stub().Audit(&context, v1::AuditRequest());
    std::vector<v1::AuditEntry> entries;
    v1::AuditEntry entry;
    while (reader->Read(&entry)) entries.push_back(entry);
    EXPECT_TRUE(reader->Finish().ok());
    return entries;
  }
  static std::string backup_of(const Operator& admin) {
    grpc::ClientContext context;
    admin.prepare(&context);
    const auto reader = admin.stub().Backup(&context, v1::BackupRequest());
    std::string bytes;
    v1::Chunk chunk;
    while (reader->Read(&chunk)) bytes += chunk.data();
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return bytes;
  }
  grpc::Status restore(const std::string& bytes, v1::RestoreReply* reply) {
    grpc::ClientContext context;
    const Operator admin = service_.admin();
    admin.prepare(&context);
    const auto writer = admin.stub().Restore(&context, reply);
    for (size_t at = 0; at < bytes.size(); at += 60'000) {
      v1::Chunk chunk;
      chunk.set_data(bytes.substr(at, 60'000));
      if (!writer->Write(chunk)) break;
    }
    writer->WritesDone();
    return writer->Finish();
  }

  Service service_;
  std::string last_id_;
};

TEST_F(Admin, TellsWhoItIs) {
  const v1::Operator me = service_.admin().who();
  EXPECT_EQ(me.name(), "admin");
  EXPECT_EQ(me.role(), v1::ROLE_ADMIN);
  EXPECT_EQ(me.revision(), 0u);
  EXPECT_EQ(service_.as("").knock(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(service_.as("cvo_0000000000000000000000000000000000000000000").knock(),
            StatusCode::UNAUTHENTICATED);
}

TEST_F(Admin, AppliesAllOrNothing) {
  const Operator admin = service_.admin();
  v1::ApplyReply reply = admin.apply(applying({route("good", "openai"), route("bad", "nowhere")}));
  ASSERT_EQ(reply.findings_size(), 1);
  EXPECT_EQ(reply.findings(0).kind(), "Route");
  EXPECT_EQ(reply.findings(0).name(), "bad");
  EXPECT_EQ(reply.findings(0).path(), "to[0].upstream");
  EXPECT_EQ(reply.revision(), 0u);
  EXPECT_EQ(admin.who().revision(), 0u);

  reply = admin.apply(applying({route("good", "openai")}));
  EXPECT_EQ(reply.findings_size(), 0);
  EXPECT_EQ(reply.revision(), 1u);
  ASSERT_EQ(reply.changes_size(), 1);
  EXPECT_EQ(reply.changes(0).what(), v1::Change::WHAT_CREATED);
  EXPECT_NE(reply.changes(0).after().find("path_prefix: /good"), std::string::npos);

  reply = admin.apply(applying({route("good", "openai")}));
  EXPECT_EQ(reply.revision(), 1u);
  EXPECT_EQ(reply.changes(0).what(), v1::Change::WHAT_UNCHANGED);
}

TEST_F(Admin, RefusesARevisionThatMovedOn) {
  const Operator admin = service_.admin();
  admin.apply(applying({route("a", "openai")}));
  v1::ApplyRequest late = applying({route("b", "openai")});
  late.set_expected_revision(0);
  v1::ApplyReply reply;
  EXPECT_EQ(admin.call(&Stub::Apply, late, &reply).error_code(), StatusCode::ABORTED);
  late.set_expected_revision(1);
  EXPECT_TRUE(admin.call(&Stub::Apply, late, &reply).ok());
  EXPECT_EQ(reply.revision(), 2u);
}

TEST_F(Admin, HoldsTheRoles) {
  const Operator viewer = service_.as(token(v1::ROLE_VIEWER));
  const Operator changer = service_.as(token(v1::ROLE_OPERATOR));
  EXPECT_EQ(apply_as(viewer, false), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(apply_as(viewer, true), StatusCode::OK);
  EXPECT_EQ(apply_as(changer, false), StatusCode::OK);
  v1::ListTokensReply tokens;
  EXPECT_EQ(changer.call(&Stub::ListTokens, v1::ListTokensRequest(), &tokens).error_code(),
            StatusCode::PERMISSION_DENIED);
  bool refused = false;
  bool applied = false;
  for (const v1::AuditEntry& entry : audit()) {
    refused = refused || (entry.action() == "apply" && entry.refused());
    applied = applied || (entry.action() == "apply" && !entry.refused());
    EXPECT_EQ(entry.address(), "127.0.0.1");
  }
  EXPECT_TRUE(refused);
  EXPECT_TRUE(applied);
}

TEST_F(Admin, ARevokedTokenEndsAtOnce) {
  const Operator viewer = service_.as(token(v1::ROLE_VIEWER));
  EXPECT_EQ(viewer.knock(), StatusCode::OK);
  v1::RevokeTokenRequest request;
  request.set_id(last_id_);
  v1::Token revoked;
  EXPECT_TRUE(service_.admin().call(&Stub::RevokeToken, request, &revoked).ok());
  EXPECT_TRUE(revoked.has_revoked());
  EXPECT_EQ(viewer.knock(), StatusCode::UNAUTHENTICATED);
}

TEST_F(Admin, ShowsHistoryAndRollsBack) {
  const Operator admin = service_.admin();
  admin.apply(applying({route("a", "openai")}));
  admin.apply(applying({route("a", "anthropic"), route("b", "openai")}));
  v1::RollbackRequest back;
  back.set_revision(1);
  v1::ApplyReply reply;
  ASSERT_TRUE(admin.call(&Stub::Rollback, back, &reply).ok());
  EXPECT_EQ(reply.revision(), 3u);
  v1::GetReply all;
  ASSERT_TRUE(admin.call(&Stub::Get, v1::GetRequest(), &all).ok());
  ASSERT_EQ(all.resources_size(), 1);
  EXPECT_EQ(all.resources(0).resource().route().to(0).upstream(), "openai");
  v1::GetRequest older;
  older.set_revision(2);
  ASSERT_TRUE(admin.call(&Stub::Get, older, &all).ok());
  EXPECT_EQ(all.resources_size(), 2);
  v1::HistoryReply history;
  ASSERT_TRUE(admin.call(&Stub::History, v1::HistoryRequest(), &history).ok());
  ASSERT_EQ(history.revisions_size(), 3);
  EXPECT_EQ(history.revisions(0).number(), 3u);
  EXPECT_EQ(history.revisions(0).comment(), "rollback to revision 1");
  EXPECT_EQ(history.revisions(2).by(), "admin");
  back.set_revision(99);
  EXPECT_EQ(admin.call(&Stub::Rollback, back, &reply).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(Admin, AWatcherSeesEachRevisionAndTheServiceStillEnds) {
  const Operator admin = service_.admin();
  admin.apply(applying({route("a", "openai")}));
  grpc::ClientContext context;
  admin.prepare(&context);
  v1::WatchRequest request;
  request.set_after_revision(0);
  const auto reader = admin.stub().Watch(&context, request);
  v1::Revision seen;
  ASSERT_TRUE(reader->Read(&seen));
  EXPECT_EQ(seen.number(), 1u);
  admin.apply(applying({route("b", "openai")}));
  ASSERT_TRUE(reader->Read(&seen));
  EXPECT_EQ(seen.number(), 2u);
  EXPECT_EQ(service_.end(SIGTERM), 0);
  EXPECT_FALSE(reader->Read(&seen));
}

TEST_F(Admin, KeysAreMaskedKeptAndDisabled) {
  const Operator admin = service_.admin();
  v1::Resource pool;
  pool.set_name("pool");
  pool.mutable_key_pool()->set_upstream("openai");
  pool.mutable_key_pool()->add_keys()->set_value("sk-first-0123456789-abcd");
  admin.apply(applying({pool}));
  v1::AddKeyRequest add;
  add.set_pool("pool");
  add.set_key("sk-other-0123456789-wxyz");
  v1::ApplyReply reply;
  ASSERT_TRUE(admin.call(&Stub::AddKey, add, &reply).ok());
  EXPECT_EQ(reply.revision(), 2u);
  v1::SetKeyRequest set;
  set.set_key("sk-o…wxyz");
  set.set_disabled(true);
  ASSERT_TRUE(admin.call(&Stub::SetKey, set, &reply).ok());
  v1::ListKeysReply keys;
  ASSERT_TRUE(admin.call(&Stub::ListKeys, v1::ListKeysRequest(), &keys).ok());
  ASSERT_EQ(keys.keys_size(), 2);
  EXPECT_EQ(keys.keys(0).key(), "sk-f…abcd");
  EXPECT_FALSE(keys.keys(0).disabled());
  EXPECT_TRUE(keys.keys(1).disabled());
  // What was shown can be applied again: the masked keys keep their values.
  v1::GetReply shown;
  ASSERT_TRUE(admin.call(&Stub::Get, v1::GetRequest(), &shown).ok());
  reply = admin.apply(applying({shown.resources(0).resource()}));
  EXPECT_EQ(reply.findings_size(), 0);
  EXPECT_EQ(reply.changes(0).what(), v1::Change::WHAT_UNCHANGED);
}

TEST_F(Admin, WhatWasAnsweredSurvivesKillMinusNine) {
  for (int round = 1; round <= 3; ++round) {
    service_.admin().apply(applying({route("r" + std::to_string(round), "openai")}));
    EXPECT_EQ(service_.end(SIGKILL), 128 + SIGKILL);
    service_.start();
    EXPECT_EQ(service_.admin().who().revision(), static_cast<uint64_t>(round));
  }
}

TEST_F(Admin, TakesTenThousandRoutesAtOnce) {
  std::vector<v1::Resource> many;
  for (int i = 0; i < 10'000; ++i) many.push_back(route("route" + std::to_string(i), "openai"));
  const v1::ApplyReply reply = service_.admin().apply(applying(many));
  EXPECT_EQ(reply.revision(), 1u);
  EXPECT_EQ(reply.changes_size(), 10'000);
  EXPECT_EQ(service_.end(SIGKILL), 128 + SIGKILL);
  service_.start();
  v1::GetReply all;
  ASSERT_TRUE(service_.admin().call(&Stub::Get, v1::GetRequest(), &all).ok());
  EXPECT_EQ(all.resources_size(), 10'000);
}

TEST_F(Admin, BacksUpAndRestores) {
  service_.admin().apply(applying({route("a", "openai")}));
  const std::string copy = backup_of(service_.admin());
  ASSERT_GT(copy.size(), 1000u);
  EXPECT_EQ(copy.find("openai"), std::string::npos);  // values stay sealed
  service_.admin().apply(applying({route("b", "openai")}));
  v1::RestoreReply reply;
  EXPECT_EQ(restore("no backup", &reply).error_code(), StatusCode::FAILED_PRECONDITION);
  std::string damaged = copy;
  for (size_t at = copy.size() / 2; at < copy.size(); ++at) damaged[at] = 'x';
  EXPECT_EQ(restore(damaged, &reply).error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(service_.admin().who().revision(), 2u);
  const grpc::Status status = restore(copy, &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(reply.revision(), 1u);
  v1::GetReply all;
  ASSERT_TRUE(service_.admin().call(&Stub::Get, v1::GetRequest(), &all).ok());
  EXPECT_EQ(all.resources_size(), 1);
}

TEST_F(Admin, ABackupOfAnotherServiceIsNotRestored) {
  Service other;
  other.start();
  const std::string foreign = backup_of(other.admin());
  v1::RestoreReply reply;
  const grpc::Status status = restore(foreign, &reply);
  EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find("another service"), std::string::npos);
}

TEST_F(Admin, RotatesTheMasterKeyOfAStoppedService) {
  service_.admin().apply(applying({route("a", "openai")}));
  {
    Program running({"rotate-key", "--data", service_.data()});
    EXPECT_EQ(running.wait(), 1);
    EXPECT_NE(running.text().find("in use by another culvert-control"), std::string::npos);
  }
  EXPECT_EQ(service_.end(SIGTERM), 0);
  Program stopped({"rotate-key", "--forget-old", "--data", service_.data()});
  EXPECT_EQ(stopped.wait(), 0) << stopped.text();
  service_.start();
  EXPECT_EQ(service_.admin().who().revision(), 1u);
}

TEST(Init, OverwritesNothing) {
  Service service;
  Program again({"init", "--data", service.data()});
  EXPECT_EQ(again.wait(), 2);
  EXPECT_NE(again.text().find("already and not empty"), std::string::npos);
}

TEST(Usage, BadOptionsAreExitTwo) {
  Service service;
  Program unknown({"--frobnicate"});
  EXPECT_EQ(unknown.wait(), 2);
  Program address({"--data", service.data(), "--listen", "nonsense"});
  EXPECT_EQ(address.wait(), 2);
  EXPECT_NE(address.text().find("--listen"), std::string::npos);
  ::setenv("CULVERT_CONTROL_LISTEN", "elsewhere", 1);
  Program variable({"--data", service.data()});
  EXPECT_EQ(variable.wait(), 2);
  EXPECT_NE(variable.text().find("elsewhere"), std::string::npos) << variable.text();
  ::unsetenv("CULVERT_CONTROL_LISTEN");
}

}  // namespace
}  // namespace culvert::test
