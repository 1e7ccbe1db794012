/** The edges that a controller listens on, as one OpenAPI 3.1 document made of their contracts. */
import { adminContract } from '#shared/contracts/admin-to-controller.ts';
import { agentBootstrap, agentToController } from '#shared/contracts/agent-to-controller.ts';
import { gatewayBootstrap, gatewayToController } from '#shared/contracts/gateway-to-controller.ts';
import { myAccount } from '#shared/contracts/my-account.ts';
import { type OpenApiDocument, openApiOf } from '#shared/wire/open-api.ts';

export function controllerApi(): OpenApiDocument {
  return openApiOf('Postern controller', {
    'agents without a certificate': agentBootstrap,
    'gateways without a certificate': gatewayBootstrap,
    agents: agentToController,
    'my account': myAccount,
    gateways: gatewayToController,
    administrators: adminContract,
  });
}
