import { Controller, Delete, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { ApiProblems, Operation } from '../platform/http/operation.js';
import { IfMatch, PathId } from '../platform/http/parameters.js';
import type { Versions } from '../platform/http/parameters.js';
import { Authenticated, RequiresRecentSignIn } from '../platform/http/policy.js';
import { CurrentPrincipal } from '../platform/http/principal.js';
import type { Principal } from '../platform/http/principal.js';
import { TrustedDeviceListResponse } from './devices.dto.js';
import { DeviceNotFound } from './mfa.contract.js';
import { TrustedDevices } from './trusted-devices.service.js';

@ApiTags('mfa')
@Controller('api/v1/me/devices')
export class DevicesController {
  constructor(private readonly devices: TrustedDevices) {}

  @Get()
  @Authenticated()
  @Operation('devices.list', 'List the devices that you trust', {
    status: 200,
    about: 'Those on which no second factor is asked for, the oldest first',
    type: TrustedDeviceListResponse,
  })
  async list(@CurrentPrincipal() { userId }: Principal): Promise<TrustedDeviceListResponse> {
    return TrustedDeviceListResponse.from(await this.devices.list(userId));
  }

  @Delete()
  @Authenticated()
  @RequiresRecentSignIn()
  @Operation('devices.removeAll', 'Trust none of your devices any longer', { status: 204, about: 'None is trusted' })
  async removeAll(@CurrentPrincipal() { userId }: Principal): Promise<void> {
    await this.devices.removeAll(userId);
  }

  @Delete(':id')
  @Authenticated()
  @RequiresRecentSignIn()
  @ApiProblems(DeviceNotFound)
  @Operation('devices.remove', 'Trust one of your devices no longer', {
    status: 204,
    about: 'It is asked for a second factor again',
  })
  async remove(
    @PathId() id: string,
    @IfMatch() expected: Versions,
    @CurrentPrincipal() { userId }: Principal,
  ): Promise<void> {
    await this.devices.remove(userId, id, expected);
  }
}
