// Elements stay what they are wherever they lie, and end once.
#include "relay/base/short_list.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace culvert {
namespace {

using Shared = std::shared_ptr<int>;
using List = ShortList<Shared, 2>;

std::vector<int> of(const List& list) {
  std::vector<int> out;
  for (const Shared& element : list) out.push_back(*element);
  return out;
}

List of_size(int size, const Shared& watched) {
  List list;
  for (int i = 0; i < size; ++i) list.push_back(std::make_shared<int>(i));
  if (size > 0) list[0] = watched;
  return list;
}

TEST(ShortList, HoldsFewAndMany) {
  List list;
  EXPECT_TRUE(list.empty());
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(*list.push_back(std::make_shared<int>(i)), i);
    EXPECT_EQ(list.size(), static_cast<size_t>(i) + 1);
  }
  EXPECT_EQ(of(list), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(*list.front(), 0);
  list.truncate(3);
  EXPECT_EQ(of(list), (std::vector<int>{0, 1, 2}));
  list.clear();
  EXPECT_TRUE(list.empty());
}

TEST(ShortList, TakesAnElementOfItsOwnWhereItGrows) {
  ShortList<std::string, 1> list{"a string that is too long to lie within"};
  list.push_back(list.front());
  EXPECT_EQ(list[0], list[1]);
  EXPECT_EQ(list, (ShortList<std::string, 1>{list[0], list[1]}));
}

TEST(ShortList, MovesWhereverItsElementsLie) {
  for (const int from : {0, 1, 2, 3, 9, 33}) {
    for (const int to : {0, 2, 5}) {
      const auto moved = std::make_shared<int>(0);
      const auto replaced = std::make_shared<int>(0);
      {
        List source = of_size(from, moved);
        const std::vector<int> expected = of(source);
        List made(std::move(source));
        EXPECT_EQ(of(made), expected);
        List assigned = of_size(to, replaced);
        assigned = std::move(made);
        EXPECT_EQ(of(assigned), expected);
        EXPECT_EQ(replaced.use_count(), 1);
        EXPECT_EQ(moved.use_count(), from == 0 ? 1 : 2);
        made.push_back(replaced);  // what was moved from is empty, and may be used again
        EXPECT_EQ(made.size(), 1U);
      }
      EXPECT_EQ(moved.use_count(), 1);
      EXPECT_EQ(replaced.use_count(), 1);
    }
  }
}

}  // namespace
}  // namespace culvert
