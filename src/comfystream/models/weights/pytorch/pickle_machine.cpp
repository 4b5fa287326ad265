// SPDX-License-Identifier: Apache-2.0
#include "comfystream/models/weights/pytorch/pickle_machine.hpp"

#include "comfystream/models/weights/pytorch/pickle_globals.hpp"
#include "comfystream/models/weights/pytorch/pickle_opcodes.hpp"

#include <bit>
#include <utility>

namespace comfystream::weights::pickle {
namespace {

// What instructions copy is bounded, or a short file could ask for the same long copy a million times.
constexpr std::size_t kLongestName = 256;
constexpr std::size_t kMostArguments = 8;

std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 80)) out += c >= 0x20 && c < 0x7F ? c : '?';
  return out;
}

std::string hex(std::uint8_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return std::string("0x") + kDigits[value >> 4] + kDigits[value & 15];
}

}  // namespace

Machine::Machine(std::span<const std::byte> pickle, std::string_view name) : name_(name), reader_(pickle, name_) {
  if (pickle.size() > kMostBytes) corrupt("its pickle has " + std::to_string(pickle.size()) + " bytes");
}

Document Machine::run() {
  for (;;) {
    const auto opcode = reader_.number<std::uint8_t>();
    if (opcode == op::kStop) break;
    step(opcode);
  }
  document_.root = pop();
  return std::move(document_);
}

void Machine::step(std::uint8_t opcode) {
  const bool known = push_scalar(opcode) || push_text(opcode) || build_container(opcode) || fill_container(opcode) ||
                     handle_stack(opcode) || handle_memo(opcode) || handle_object(opcode);
  if (!known) refuse("the pickle instruction " + hex(opcode));
}

void Machine::corrupt(const std::string& problem) const {
  throw Error(ErrorCode::kCorruptFile,
              "'" + name_ + "' is not a sound PyTorch checkpoint: " + problem + " (at byte " +
                  std::to_string(reader_.position()) + " of its pickle)",
              "download it again, or get it as safetensors");
}

void Machine::refuse(const std::string& what) const {
  throw Error(
      ErrorCode::kUnsupported,
      "'" + name_ + "' is refused: it wants " + what + ", and only tensors and containers are read",
      "a checkpoint can run any program when it is opened in Python; if you trust this one, save its state_dict as "
      "safetensors there, else get the model as safetensors");
}

void Machine::push(Node node) {
  if (document_.nodes.size() >= kMostNodes) corrupt("it has more than " + std::to_string(kMostNodes) + " values");
  document_.nodes.push_back(std::move(node));
  push_existing(static_cast<Value>(document_.nodes.size() - 1));
}

void Machine::push_existing(Value value) {
  // Duplicates cost one byte each in the file; the stack is bounded like the nodes.
  if (stack_.size() >= kMostNodes) corrupt("its stack is too deep");
  stack_.push_back(value);
}

Value Machine::top() const {
  if (stack_.empty()) corrupt("its stack is empty");
  return stack_.back();
}

Value Machine::pop() {
  const Value value = top();
  stack_.pop_back();
  if (document_.get<Mark>(value) != nullptr) corrupt("a mark stands where a value should");
  return value;
}

std::vector<Value> Machine::pop_to_mark() {
  std::size_t first = stack_.size();
  while (first > 0 && document_.get<Mark>(stack_[first - 1]) == nullptr) --first;
  if (first == 0) corrupt("a mark is missing");
  std::vector<Value> items(stack_.begin() + static_cast<std::ptrdiff_t>(first), stack_.end());
  stack_.resize(first - 1);
  return items;
}

bool Machine::push_scalar(std::uint8_t opcode) {
  switch (opcode) {
    case op::kNone:
      push(None{});
      return true;
    case op::kTrue:
      push(true);
      return true;
    case op::kFalse:
      push(false);
      return true;
    case op::kInt1:
      push(std::int64_t{reader_.number<std::uint8_t>()});
      return true;
    case op::kInt2:
      push(std::int64_t{reader_.number<std::uint16_t>()});
      return true;
    case op::kInt4:
      push(std::int64_t{std::bit_cast<std::int32_t>(reader_.number<std::uint32_t>())});
      return true;
    case op::kLong1:
      push_long(reader_.number<std::uint8_t>());
      return true;
    case op::kLong4:
      push_long(reader_.number<std::uint32_t>());
      return true;
    case op::kFloat: {  // the one big-endian number of the format
      std::uint64_t bits = 0;
      for (const std::byte byte : reader_.take(8)) bits = bits << 8 | std::to_integer<std::uint64_t>(byte);
      push(std::bit_cast<double>(bits));
      return true;
    }
    default:
      return false;
  }
}

void Machine::push_long(std::uint64_t bytes) {
  const auto taken = reader_.take(bytes);
  std::uint64_t value = 0;
  if (taken.size() > sizeof(value))
    return push(None{});  // wider than any number a tensor can need; seeds of generators
  for (std::size_t i = taken.size(); i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(taken[i]);
  const unsigned unused = 64 - 8 * static_cast<unsigned>(taken.size());
  if (unused > 0 && unused < 64)
    value = std::bit_cast<std::uint64_t>(std::bit_cast<std::int64_t>(value << unused) >> unused);
  push(std::bit_cast<std::int64_t>(value));
}

bool Machine::push_text(std::uint8_t opcode) {
  switch (opcode) {
    case op::kUnicode1:
      push(std::string(reader_.text(reader_.number<std::uint8_t>())));
      return true;
    case op::kUnicode4:
      push(std::string(reader_.text(reader_.number<std::uint32_t>())));
      return true;
    case op::kUnicode8:
      push(std::string(reader_.text(reader_.number<std::uint64_t>())));
      return true;
    case op::kString1:
      push(std::string(reader_.text(reader_.number<std::uint8_t>())));
      return true;
    case op::kString4:
      push(std::string(reader_.text(reader_.number<std::uint32_t>())));
      return true;
    case op::kBytes1:
      push(Bytes{std::string(reader_.text(reader_.number<std::uint8_t>()))});
      return true;
    case op::kBytes4:
      push(Bytes{std::string(reader_.text(reader_.number<std::uint32_t>()))});
      return true;
    default:
      return false;
  }
}

bool Machine::build_container(std::uint8_t opcode) {
  switch (opcode) {
    case op::kEmptyList:
    case op::kEmptySet:
      push(List{});
      return true;
    case op::kEmptyTuple:
      push(Tuple{});
      return true;
    case op::kEmptyDict:
      push(Dict{});
      return true;
    case op::kTuple1:
      push_tuple(1);
      return true;
    case op::kTuple2:
      push_tuple(2);
      return true;
    case op::kTuple3:
      push_tuple(3);
      return true;
    case op::kTuple:
      push(Tuple{pop_to_mark()});
      return true;
    case op::kList:
    case op::kFrozenSet:
      push(List{pop_to_mark()});
      return true;
    case op::kDict: {
      const std::vector<Value> items = pop_to_mark();
      push(Dict{});
      add_pairs(items);
      return true;
    }
    default:
      return false;
  }
}

void Machine::push_tuple(std::size_t count) {
  std::vector<Value> items(count);
  for (std::size_t i = count; i-- > 0;) items[i] = pop();
  push(Tuple{std::move(items)});
}

bool Machine::fill_container(std::uint8_t opcode) {
  switch (opcode) {
    case op::kAppend: {
      const Value item = pop();
      add_items({item});
      return true;
    }
    case op::kAppends:
    case op::kAddItems:
      add_items(pop_to_mark());
      return true;
    case op::kSetItem: {
      const Value value = pop();
      const Value key = pop();
      add_pairs({key, value});
      return true;
    }
    case op::kSetItems:
      add_pairs(pop_to_mark());
      return true;
    default:
      return false;
  }
}

void Machine::add_items(const std::vector<Value>& items) {
  auto* list = std::get_if<List>(&document_.nodes[top()]);
  if (list == nullptr) corrupt("it appends to what is not a list");
  list->items.insert(list->items.end(), items.begin(), items.end());
}

void Machine::add_pairs(const std::vector<Value>& items) {
  auto* dict = std::get_if<Dict>(&document_.nodes[top()]);
  if (dict == nullptr || items.size() % 2 != 0) corrupt("it sets items of what is not a dictionary");
  for (std::size_t i = 0; i < items.size(); i += 2) dict->items.emplace_back(items[i], items[i + 1]);
}

bool Machine::handle_stack(std::uint8_t opcode) {
  switch (opcode) {
    case op::kProtocol:
      reader_.skip(1);
      return true;
    case op::kFrame:
      reader_.skip(8);
      return true;
    case op::kMark:
      push(Mark{});
      return true;
    case op::kPop:
      (void)top();
      stack_.pop_back();
      return true;
    case op::kPopMark:
      (void)pop_to_mark();
      return true;
    case op::kDuplicate:
      push_existing(top());
      return true;
    default:
      return false;
  }
}

bool Machine::handle_memo(std::uint8_t opcode) {
  switch (opcode) {
    case op::kPut1:
      put(reader_.number<std::uint8_t>());
      return true;
    case op::kPut4:
      put(reader_.number<std::uint32_t>());
      return true;
    case op::kMemoize:
      put(memo_.size());
      return true;
    case op::kGet1:
      get(reader_.number<std::uint8_t>());
      return true;
    case op::kGet4:
      get(reader_.number<std::uint32_t>());
      return true;
    default:
      return false;
  }
}

void Machine::put(std::uint64_t slot) { memo_.insert_or_assign(slot, top()); }

void Machine::get(std::uint64_t slot) {
  const auto found = memo_.find(slot);
  if (found == memo_.end()) corrupt("it recalls a value that it never kept");
  push_existing(found->second);
}

bool Machine::handle_object(std::uint8_t opcode) {
  switch (opcode) {
    case op::kGlobal: {
      const std::string_view module = reader_.line();
      push_global(module, reader_.line());
      return true;
    }
    case op::kStackGlobal: {
      const auto* name = document_.get<std::string>(pop());
      const auto* module = document_.get<std::string>(pop());
      if (name == nullptr || module == nullptr) corrupt("it names a function by what is not text");
      if (name->size() > kLongestName || module->size() > kLongestName) corrupt("it names a function by a long text");
      push_global(std::string(*module), std::string(*name));  // copies: pushing may move the nodes
      return true;
    }
    case op::kPersistentId:
      push_storage();
      return true;
    case op::kReduce:
      call();
      return true;
    case op::kBuild:
      set_state();
      return true;
    default:
      return false;
  }
}

void Machine::push_global(std::string_view module, std::string_view name) {
  const auto global = find_global(module, name);
  if (!global) refuse("'" + shown(module) + "." + shown(name) + "'");
  push(*global);
}

/// ("storage", <type>, <key>, <device>, <elements>): what torch.save writes in place of a storage.
void Machine::push_storage() {
  const auto* tuple = document_.get<Tuple>(pop());
  if (tuple == nullptr || tuple->items.size() != 5) corrupt("a storage is not described by five values");
  const auto* kind = document_.get<std::string>(tuple->items[0]);
  const auto* type = document_.get<Global>(tuple->items[1]);
  const auto* key = document_.get<std::string>(tuple->items[2]);
  if (kind == nullptr || *kind != "storage" || type == nullptr || storage_word(*type).empty() || key == nullptr) {
    corrupt("a storage's description is damaged");
  }
  if (key->size() > kLongestName) corrupt("a storage has a long name");
  Storage storage{*type, *key, integer(tuple->items[4], "a storage's size")};
  if (storage.elements < 0) corrupt("a storage's size is negative");
  push(std::move(storage));
}

void Machine::call() {
  const auto* arguments = document_.get<Tuple>(pop());
  const auto* function = document_.get<Global>(pop());
  if (arguments == nullptr || function == nullptr) corrupt("it calls what cannot be called");
  if (arguments->items.size() > kMostArguments) corrupt("it calls a function with too many arguments");
  switch (*function) {
    case Global::kOrderedDict:
      if (!arguments->items.empty()) refuse("an OrderedDict with arguments");
      return push(Dict{});
    case Global::kRebuildTensor:
      return rebuild_tensor(std::vector<Value>(arguments->items));
    case Global::kRebuildParameter:
      if (arguments->items.empty() || document_.get<TensorRef>(arguments->items[0]) == nullptr)
        corrupt("a parameter has no tensor");
      return push_existing(arguments->items[0]);
    default:
      refuse("a call of a storage type");
  }
}

/// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata])
void Machine::rebuild_tensor(const std::vector<Value>& arguments) {
  if (arguments.size() < 4) corrupt("a tensor is described by too few values");
  if (document_.get<Storage>(arguments[0]) == nullptr) corrupt("a tensor has no storage");
  TensorRef tensor{arguments[0], integer(arguments[1], "a tensor's offset"), integers(arguments[2], "a tensor's size"),
                   integers(arguments[3], "a tensor's stride")};
  if (tensor.offset < 0 || tensor.sizes.size() != tensor.strides.size())
    corrupt("a tensor's size and stride do not agree");
  push(std::move(tensor));
}

/// Modules keep version numbers beside their state dict; an OrderedDict's attributes are not its contents.
void Machine::set_state() {
  (void)pop();
  if (document_.get<Dict>(top()) == nullptr) refuse("to set the state of an object");
}

std::int64_t Machine::integer(Value value, const char* what) const {
  const auto* number = document_.get<std::int64_t>(value);
  if (number == nullptr) corrupt(std::string(what) + " is not an integer");
  return *number;
}

std::vector<std::int64_t> Machine::integers(Value value, const char* what) const {
  constexpr std::size_t kMostDimensions = 16;
  const auto* tuple = document_.get<Tuple>(value);
  if (tuple == nullptr || tuple->items.size() > kMostDimensions) corrupt(std::string(what) + " is not a short tuple");
  std::vector<std::int64_t> numbers;
  for (const Value item : tuple->items) numbers.push_back(integer(item, what));
  return numbers;
}

}  // namespace comfystream::weights::pickle
