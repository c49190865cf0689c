// What a program tells the service manager that started it (sd_notify(3)). Any thread.
#pragma once

#include <string>

namespace culvert {

// "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=…". Without NOTIFY_SOCKET it does nothing.
void notify_service_manager(const std::string& state);
std::string reloading_state();

}  // namespace culvert
