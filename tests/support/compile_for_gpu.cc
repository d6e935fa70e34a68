// Compiles XLA modules for a GPU that need not be there, by the XLA within TensorFlow.
//
//     compile_for_gpu TARGET MODULE...
//
// TARGET is a GpuTargetConfigProto as text. MODULE is a serialized HloModuleProto; the optimized
// module is written to MODULE.txt. The exit code is the number of modules that failed.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "xla/debug_options_flags.h"
#include "xla/hlo/ir/hlo_module.h"
#include "xla/service/compiler.h"
#include "xla/stream_executor/platform_manager.h"

// The linker would drop the library in which the compiler registers itself.
extern "C" void make_compiler(void*) asm("_ZN3xla3gpu13NVPTXCompilerC1Ev");
void (*volatile kept)(void*) = make_compiler;

namespace {

absl::Status Compile(xla::Compiler& compiler, const char* target, const std::string& path) {
  std::stringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  xla::HloModuleProto proto;
  if (!proto.ParseFromString(bytes.str())) return absl::DataLossError("not a module");
  xla::DebugOptions debug = xla::GetDebugOptionsFromFlags();
  debug.set_xla_gpu_target_config_filename(target);
  debug.set_xla_gpu_autotune_level(0);
  auto config = xla::HloModule::CreateModuleConfigFromProto(proto, debug);
  if (!config.ok()) return config.status();
  auto module = xla::HloModule::CreateFromProto(proto, *config);
  if (!module.ok()) return module.status();
  xla::Compiler::CompileOptions options;
  auto optimized = compiler.RunHloPasses(std::move(*module), nullptr, options);
  if (!optimized.ok()) return optimized.status();
  std::ofstream(path + ".txt") << (*optimized)->ToString();
  return compiler.RunBackend(std::move(*optimized), nullptr, options).status();
}

}  // namespace

int main(int argc, char** argv) {
  auto platform = stream_executor::PlatformManager::PlatformWithName("CUDA");
  if (!platform.ok()) {
    std::cerr << platform.status() << std::endl;
    return 100;
  }
  auto compiler = xla::Compiler::GetForPlatform((*platform)->id());
  if (!compiler.ok()) {
    std::cerr << compiler.status() << std::endl;
    return 100;
  }
  int failed = 0;
  for (int i = 2; i < argc; ++i) {
    absl::Status status = Compile(**compiler, argv[1], argv[i]);
    if (!status.ok()) {
      std::cerr << argv[i] << ": " << status << std::endl;
      ++failed;
    }
  }
  return failed;
}
