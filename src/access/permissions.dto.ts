import { ApiSchema } from '@nestjs/swagger';

import { permissions } from '../platform/contract/permission.js';
import { ListOf, Text } from '../platform/http/properties.js';

export const PERMISSION = /^[a-z][a-z0-9_:-]*$/;
export const PERMISSION_LENGTH = 100;

@ApiSchema({ name: 'Permission' })
export class PermissionResponse {
  @Text({ about: 'Its name, which never changes', example: 'users:read', max: PERMISSION_LENGTH, pattern: PERMISSION })
  name!: string;
  @Text({ about: 'What it allows', example: 'See every user', max: 500 }) about!: string;
}

@ApiSchema({ name: 'Permissions' })
export class PermissionsResponse {
  @ListOf(() => PermissionResponse, 'Every permission that this server knows, in order of the names')
  data!: PermissionResponse[];

  static promised(): PermissionsResponse {
    const data = [...permissions.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
    return { data: data.map(({ name, about }) => ({ name, about })) };
  }
}
