// The access log on a real pipe: whole lines in their order, all of them at its end, and the oldest
// lost and counted where nobody reads.
#include "relay/usage/access_log.h"

#include "relay/channel/fd.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

namespace culvert {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    out = Fd(ends[0]);
    in = Fd(ends[1]);
  }
  // Until the writer has closed.
  std::string read_all() {
    std::string all;
    char piece[65536];
    ssize_t got = 0;
    while ((got = ::read(out.get(), piece, sizeof piece)) > 0) {
      all.append(piece, static_cast<size_t>(got));
    }
    return all;
  }
  Fd out;
  Fd in;
};

TEST(AccessLog, WritesALineSoonAndWithoutBeingEnded) {
  Pipe pipe;
  AccessLog log(pipe.in.get());
  log.add("one");
  char piece[16];
  EXPECT_EQ(::read(pipe.out.get(), piece, sizeof piece), 4);
  log.add("two");
  EXPECT_EQ(::read(pipe.out.get(), piece, sizeof piece), 4);
}

TEST(AccessLog, KeepsTheLinesOfManyThreadsWhole) {
  Pipe pipe;
  std::string all;
  std::thread reader([&] { all = pipe.read_all(); });
  {
    AccessLog log(pipe.in.get());
    std::vector<std::thread> writers;
    for (int writer = 0; writer < 4; ++writer) {
      writers.emplace_back([&log, writer] {
        for (int line = 0; line < 5000; ++line) {
          log.add(std::to_string(writer) + ":" + std::to_string(line));
        }
      });
    }
    for (auto& writer : writers) writer.join();
    EXPECT_EQ(log.lost(), 0U);
  }
  pipe.in.reset();
  reader.join();
  std::vector<int> next(4, 0);
  size_t at = 0;
  while (at < all.size()) {
    const size_t end = all.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    const auto writer = static_cast<size_t>(all[at] - '0');
    ASSERT_LT(writer, 4U);
    EXPECT_EQ(all.substr(at + 2, end - at - 2), std::to_string(next[writer]++));
    at = end + 1;
  }
  EXPECT_EQ(next, std::vector<int>(4, 5000));
}

TEST(AccessLog, LosesTheOldestWhereNobodyReads) {
  Pipe pipe;
  const std::string line(1000, 'x');
  const size_t lines = AccessLog::kQueued / line.size() + 4000;
  std::string all;
  std::thread reader;
  {
    AccessLog log(pipe.in.get());
    for (size_t i = 0; i < lines; ++i) log.add(line + std::to_string(i));
    EXPECT_GT(log.lost(), 0U);
    reader = std::thread([&] { all = pipe.read_all(); });
  }
  pipe.in.reset();
  reader.join();
  EXPECT_TRUE(all.ends_with(line + std::to_string(lines - 1) + "\n"));
}

TEST(AccessLog, CountsWhatTheReaderDoesNotTakeAnyMore) {
  Pipe pipe;
  pipe.in.reset();
  AccessLog log(pipe.out.get());  // which nobody can write to
  log.add("lost");
  while (log.lost() == 0) std::this_thread::yield();
  EXPECT_EQ(log.lost(), 1U);
}

}  // namespace
}  // namespace culvert
