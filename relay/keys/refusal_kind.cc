// Vendors' words, in two tables: codes, which mean one thing, and sentences, which are looked for
// only where no code decided. Sources: OpenAI "Error codes", Anthropic "Errors", Google "AIP-193"
// with google.api.ErrorReason and the Gemini API's troubleshooting guide.
#include "relay/keys/refusal_kind.h"

#include "relay/base/text.h"
#include "relay/codec/refusal_body.h"
#include "relay/keys/reset_time.h"
#include "relay/keys/retry_hints.h"

#include <algorithm>
#include <chrono>

namespace culvert {
namespace {

using Kind = RefusalKind;

struct Word {
  std::string_view text;
  Kind kind;
};

constexpr Word kCodes[] = {
    // about money
    {"insufficient_quota", Kind::kBilling},
    {"insufficient_balance", Kind::kBilling},
    {"insufficient_user_quota", Kind::kBilling},
    {"insufficient_credits", Kind::kBilling},
    {"insufficient_funds", Kind::kBilling},
    {"exceeded_current_quota_error", Kind::kBilling},
    {"billing_error", Kind::kBilling},
    {"billing_not_active", Kind::kBilling},
    {"billing_hard_limit_reached", Kind::kBilling},
    {"payment_required", Kind::kBilling},
    {"BILLING_DISABLED", Kind::kBilling},
    // about the account
    {"account_deactivated", Kind::kSuspended},
    {"account_suspended", Kind::kSuspended},
    {"access_terminated", Kind::kSuspended},
    {"organization_deactivated", Kind::kSuspended},
    {"deactivated_workspace", Kind::kSuspended},
    {"CONSUMER_SUSPENDED", Kind::kSuspended},
    // about the key
    {"invalid_api_key", Kind::kInvalid},
    {"ip_not_authorized", Kind::kInvalid},
    {"token_expired", Kind::kInvalid},
    {"token_revoked", Kind::kInvalid},
    {"invalid_authentication_error", Kind::kInvalid},
    {"API_KEY_INVALID", Kind::kInvalid},
    {"API_KEY_SERVICE_BLOCKED", Kind::kInvalid},
    {"API_KEY_IP_ADDRESS_BLOCKED", Kind::kInvalid},
    {"API_KEY_HTTP_REFERRER_BLOCKED", Kind::kInvalid},
    {"ACCESS_TOKEN_EXPIRED", Kind::kInvalid},
    {"CONSUMER_INVALID", Kind::kInvalid},
    {"SERVICE_DISABLED", Kind::kInvalid},
    // about what was asked
    {"unsupported_country_region_territory", Kind::kOtherKey},
    {"model_not_found", Kind::kOtherKey},
    {"missing_scope", Kind::kOtherKey},
    {"insufficient_permissions", Kind::kOtherKey},
    {"mismatched_organization", Kind::kOtherKey},
    {"mismatched_project", Kind::kOtherKey},
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", Kind::kOtherKey},
    {"content_policy_violation", Kind::kNone},
    {"content_filter", Kind::kNone},
    {"moderation_blocked", Kind::kNone},
    // about time
    {"usage_limit_reached", Kind::kQuota},
};

// In any answer that can only be about a key or its rights: 401, 402, 403, 429.
constexpr Word kSentences[] = {
    {"credit balance is too low", Kind::kBilling},
    {"insufficient balance", Kind::kBilling},
    {"insufficient credits", Kind::kBilling},
    {"insufficient funds", Kind::kBilling},
    {"billing is not active", Kind::kBilling},
    {"billing hard limit", Kind::kBilling},
    {"credits are depleted", Kind::kBilling},
    {"run out of credits", Kind::kBilling},
    {"out of credits", Kind::kBilling},
    {"been suspended", Kind::kSuspended},
    {"is suspended", Kind::kSuspended},
    {"been deactivated", Kind::kSuspended},
    {"account is deactivated", Kind::kSuspended},
    {"organization has been disabled", Kind::kSuspended},
    {"account has been disabled", Kind::kSuspended},
    {"been banned", Kind::kSuspended},
    {"reported as leaked", Kind::kSuspended},
    {"account is not active", Kind::kSuspended},
    {"access was terminated", Kind::kSuspended},
    {"api key not valid", Kind::kInvalid},
    {"api key not found", Kind::kInvalid},
    {"api key expired", Kind::kInvalid},
    {"invalid api key", Kind::kInvalid},
    {"incorrect api key", Kind::kInvalid},
    {"invalid x-api-key", Kind::kInvalid},
    {"invalid bearer token", Kind::kInvalid},
    {"unregistered callers", Kind::kInvalid},
    {"flagged", Kind::kNone},
    {"content policy", Kind::kNone},
    {"moderation", Kind::kNone},
    {"not have permission", Kind::kOtherKey},
    {"insufficient permissions", Kind::kOtherKey},
    {"not have access to", Kind::kOtherKey},
    {"may not exist", Kind::kOtherKey},
    {"location is not supported", Kind::kOtherKey},
    {"not supported in your", Kind::kOtherKey},
    {"not available in your", Kind::kOtherKey},
    {"request too large", Kind::kOtherKey},
};

// A 400 is the request's fault, and its message may repeat what the client wrote: only those that
// begin with a vendor's sentence about the key count.
constexpr Word kBeginnings[] = {
    {"your credit balance is too low", Kind::kBilling},
    {"billing hard limit has been reached", Kind::kBilling},
    {"this organization has been disabled", Kind::kSuspended},
    {"api key not valid", Kind::kInvalid},
    {"api key not found", Kind::kInvalid},
    {"api key expired", Kind::kInvalid},
    {"you have reached your specified api usage limits", Kind::kQuota},
};

constexpr std::string_view kOfDays[] = {"per day",     "(rpd)",       "(tpd)",        "daily",
                                        "per-day",     "usage limit", "weekly limit", "monthly",
                                        "usage_limit", "per month",   "per week"};

template <class Match>
std::optional<Kind> first_of(const auto& words, Match matches) {
  const auto* found = std::find_if(std::begin(words), std::end(words),
                                   [&](const Word& word) { return matches(word.text); });
  if (found == std::end(words)) return std::nullopt;
  return found->kind;
}

std::optional<Kind> by_code(const RefusalBody& body) {
  return first_of(kCodes, [&](std::string_view word) {
    return word == body.code || word == body.type ||
           std::find(body.reasons.begin(), body.reasons.end(), word) != body.reasons.end();
  });
}

std::optional<Kind> by_sentence(const RefusalBody& body) {
  return first_of(kSentences, [&](std::string_view word) {
    return body.message.find(word) != std::string::npos;
  });
}

bool says_days(const RefusalBody& body) {
  return std::any_of(std::begin(kOfDays), std::end(kOfDays), [&](std::string_view word) {
    return body.message.find(word) != std::string::npos;
  });
}

bool is_google(const RefusalBody& body) {
  return !body.quotas.empty() || body.status == "RESOURCE_EXHAUSTED";
}

// What a vendor says to be further off is tried again then.
constexpr Duration kMostWait = std::chrono::hours(366 * 24);

Duration of_seconds(double value) {
  const double most = std::chrono::duration<double>(kMostWait).count();
  return std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(std::clamp(value, 0.0, most)));
}

// A date that was told counts before what a vendor usually does.
Duration quota_wait(const Headers& headers, const RefusalBody& body, WallTime now) {
  if (body.resets_in) return of_seconds(*body.resets_in);
  if (body.resets_at) {
    const double unix_now = std::chrono::duration<double>(now.time_since_epoch()).count();
    return of_seconds(*body.resets_at - unix_now);
  }
  if (const auto date = told_date(body.message, now)) {
    return std::min<Duration>(*date - now, kMostWait);
  }
  // Google's RetryInfo speaks of a minute, also where the day is used up.
  if (is_google(body)) return until_pacific_midnight(now);
  if (const auto wait = retry_wait(headers, {}, now)) return *wait;
  if (const auto wait = told_wait(body.message)) return *wait;
  return until_utc_midnight(now);
}

KeyRefusal quota(const Headers& headers, const RefusalBody& body, WallTime now, bool of_model) {
  return {Kind::kQuota, quota_wait(headers, body, now), of_model};
}

// Google's quotas by what is limited: one of a day counts more than one of a minute. A limit of
// zero is a model that the key's plan does not have.
std::optional<KeyRefusal> by_quotas(const Headers& headers, const RefusalBody& body, WallTime now) {
  for (const RefusalBody::Quota& one : body.quotas) {
    if (one.id.find("PerDay") == std::string::npos && one.value != "0") continue;
    return quota(headers, body, now, one.id.find("PerModel") != std::string::npos);
  }
  return std::nullopt;
}

KeyRefusal too_many(const Headers& headers,
                    const RefusalBody& body,
                    std::string_view text,
                    WallTime now) {
  if (auto google = by_quotas(headers, body, now)) return *google;
  auto kind = by_code(body);
  // Google says "check your plan and billing details" whatever the quota.
  if (!kind && !is_google(body)) kind = by_sentence(body);
  const bool lasting = kind && *kind != Kind::kNone && *kind != Kind::kQuota;
  if (lasting) return {*kind, std::nullopt, false};
  const bool told = body.resets_in || body.resets_at;
  if (kind == Kind::kQuota || told || says_days(body)) return quota(headers, body, now, false);
  auto wait = retry_wait(headers, text, now);
  if (!wait) wait = told_wait(body.message);
  return {Kind::kRate, wait, false};
}

}  // namespace

std::string_view to_string(RefusalKind kind) {
  switch (kind) {
    case Kind::kNone:
      return "none";
    case Kind::kOtherKey:
      return "other_key";
    case Kind::kRate:
      return "rate_limited";
    case Kind::kQuota:
      return "quota";
    case Kind::kBilling:
      return "billing";
    case Kind::kSuspended:
      return "suspended";
    case Kind::kInvalid:
      return "invalid";
    case Kind::kUnknown:
      return "refused";
  }
  return "refused";
}

bool may_refuse_key(int status, const Headers& headers) {
  if (status == 401 || status == 402 || status == 403 || status == 429) return true;
  if (status != 400) return false;
  // Only what can be read is worth holding back.
  const auto type = headers.find("content-type");
  const auto coding = headers.find("content-encoding");
  const bool plain = !coding || equal_ignoring_case(trim(*coding), "identity");
  return plain && type && lower(*type).find("json") != std::string::npos;
}

KeyRefusal classify_refusal(int status,
                            const Headers& headers,
                            std::string_view body,
                            WallTime now) {
  if (!may_refuse_key(status, headers)) return {};
  const RefusalBody read = read_refusal_body(body);
  if (status == 429) return too_many(headers, read, body, now);
  auto kind = by_code(read);
  if (status == 400) {
    // What a key may not do is another thing here than a request that nobody may make.
    if (kind == Kind::kOtherKey) kind = Kind::kNone;
    if (!kind) {
      kind = first_of(kBeginnings,
                      [&](std::string_view word) { return read.message.starts_with(word); });
    }
    if (kind == Kind::kQuota) return quota(headers, read, now, false);
    return {kind.value_or(Kind::kNone), std::nullopt, false};
  }
  if (!kind) kind = by_sentence(read);
  if (kind == Kind::kQuota) return quota(headers, read, now, false);
  if (status == 402 && (!kind || *kind == Kind::kNone)) kind = Kind::kBilling;
  // Without a valid key nothing else can be wrong.
  if (status == 401 && kind == Kind::kNone) kind = Kind::kUnknown;
  return {kind.value_or(Kind::kUnknown), std::nullopt, false};
}

}  // namespace culvert
